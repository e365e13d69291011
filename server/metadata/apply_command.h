// From one command of the metadata log to the next image. Pure: rows are put and erased, nothing
// is planned, and what it costs depends on the command alone.
#pragma once
#include <string>
#include <vector>

#include "server/metadata/definition_command.h"
#include "server/metadata/image.h"
#include "storage/meta/metadata_log.h"
#include "storage/meta/topic_table.h"

namespace server {

// What follows from an applied command besides the new image.
struct ImageChange {
  MetadataImagePtr next;
  std::vector<DefinedQueryPtr> started;
  std::vector<DefinedQueryPtr> ended;  // for good: their state may go
  std::vector<std::string> paused, resumed;
  std::vector<storage::TopicDelta> topics;
  // Whose records a transaction has kept that has ended: they go, if no topic has them now.
  std::vector<storage::TopicInfo> released;
};

// A command whose definitions have been read, which takes longer than to apply them, and needs nothing else: a
// start does it on another thread.
struct ReadCommand {
  Revision revision;
  storage::MetadataCommand command;
  std::vector<Result<DefinitionCommand>> definitions;  // of its parts that are ours, in their order
};
ReadCommand read_definitions(Revision revision, storage::MetadataCommand command);

// Applies all parts of a command to `topics` and to the image, or, when it fails, changes nothing.
// Fails when the log does not fit this program; a definition that cannot be read does not make it
// fail, it comes into the image as one that is unreadable.
Result<ImageChange> apply_command(const MetadataImage& image, storage::TopicTable& topics,
                                  const ReadCommand& read);

// The rows of one definition, applied to an image; `change` notes what starts and ends.
void apply_changes(const std::vector<DefinitionChange>& changes, MetadataImage& image,
                   ImageChange& change);

// The whole state, and back.
storage::MetadataSnapshot snapshot_of(const MetadataImage& image,
                                      const storage::TopicTable& topics);
Result<ImageChange> apply_snapshot(const storage::MetadataSnapshot& snapshot,
                                   storage::TopicTable& topics);
// As apply_snapshot(), for who has carried out what `image` says: what is still as it was goes on. In a cluster, where
// somebody was out of reach for so long that the commands on the way are gone.
Result<ImageChange> jump_to_snapshot(const MetadataImage& image,
                                     const storage::MetadataSnapshot& snapshot,
                                     storage::TopicTable& topics);

}  // namespace server
