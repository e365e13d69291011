// Computes the next image (the state of all topics and definitions) from one command of the
// metadata log. The functions are pure: they only put and erase rows, plan nothing, and their cost
// depends only on the size of the command.
#pragma once
#include <string>
#include <vector>

#include "server/metadata/definition_command.h"
#include "server/metadata/image.h"
#include "storage/meta/metadata_log.h"
#include "storage/meta/topic_table.h"

namespace server {

// The effects of an applied command: the new image, and the changes that the node still has to
// make.
struct ImageChange {
  MetadataImagePtr next;
  std::vector<DefinedQueryPtr> started;
  // queries that have ended permanently, so that their state may be deleted
  std::vector<DefinedQueryPtr> ended;
  std::vector<std::string> paused, resumed;
  std::vector<storage::TopicDelta> topics;
  // Topics that a transaction has dropped. Their records were kept in case of a rollback. The
  // transaction has ended, so the records are deleted, except those of topics that exist again.
  std::vector<storage::TopicInfo> released;
};

// A command whose definitions are already decoded. Decoding takes longer than applying and needs no
// image, so at the start of the server another thread decodes the commands ahead.
struct ReadCommand {
  Revision revision;
  storage::MetadataCommand command;
  // definitions in the command's SQL parts, in their order
  std::vector<Result<DefinitionCommand>> definitions;
};
ReadCommand read_definitions(Revision revision, storage::MetadataCommand command);

// Applies all parts of a command to `topics` and to the image, or changes nothing if it fails.
// Fails with IncompatibleFormat if this version does not know a kind of part. A definition that
// cannot be read is not a failure: the image contains it as unreadable.
Result<ImageChange> apply_command(const MetadataImage& image, storage::TopicTable& topics,
                                  const ReadCommand& read);

// Applies the rows of one definition to an image; `change` receives the started and ended queries.
void apply_changes(const std::vector<DefinitionChange>& changes, MetadataImage& image,
                   ImageChange& change);

// Convert the whole state to a snapshot and back.
storage::MetadataSnapshot snapshot_of(const MetadataImage& image,
                                      const storage::TopicTable& topics);
Result<ImageChange> apply_snapshot(const storage::MetadataSnapshot& snapshot,
                                   storage::TopicTable& topics);
// Applies a snapshot to a node that runs the state of `image`: objects that the snapshot contains
// unchanged continue. This is necessary in a cluster if a node was out of reach for so long that
// the commands after its revision were deleted.
Result<ImageChange> jump_to_snapshot(const MetadataImage& image,
                                     const storage::MetadataSnapshot& snapshot,
                                     storage::TopicTable& topics);

}  // namespace server
