#include "server/metadata/topic_rewrite.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "server/metadata/open_definitions.h"
#include "storage/meta/closed_partition.h"

namespace server {

namespace {

// The name is valid for Kafka, and no client uses it.
std::string temporary_name(const Uuid& topic) { return "_alter_" + topic.to_string(); }

}  // namespace

Result<storage::MetadataCommand> plan_topic_rewrite(const TopicRewrite& rewrite,
                                                    const std::string& sql,
                                                    const MetadataImage& image,
                                                    const Asker& asker) {
  const storage::TopicInfo* old = image.topics->find(rewrite.old_topic);
  if (!old) return Error{ErrorCode::UnknownTopic, "the topic of the table was deleted"};
  const auto put = [](std::string_view type, std::string bytes) {
    return storage::MetadataPart{std::string(type), std::move(bytes)};
  };
  DefinitionCommand command;
  command.sql = sql;
  command.changes.push_back(OwnTransaction{rewrite.transaction, rewrite.owner});
  DefinitionUses uses;
  uses.topics.insert(old->name);
  for (const auto& [name, source] : image.catalog->sources()) {
    if (source->topic != old->name) continue;
    TRY(check_owner(*image.users, asker, *source));
    uses.sources.insert(name);
    // While the transaction has this note, other sessions cannot change the definition of the table.
    command.changes.push_back(
        NoteUndo{rewrite.transaction, std::make_shared<const UndoChange>(PutSource{source})});
  }
  TRY(check_not_open_elsewhere(uses, image, nullptr));
  const storage::TopicInfo made{rewrite.new_topic, temporary_name(rewrite.new_topic),
                                rewrite.partitions, old->config};
  command.changes.push_back(NoteTopic{rewrite.transaction, true, made});
  command.changes.push_back(NoteTopic{rewrite.transaction, false, *old});
  storage::MetadataCommand logged;
  logged.parts.push_back(put(storage::kTopicsPart, storage::encode_create_topic(made)));
  // The last argument has no effect on a close.
  logged.parts.push_back(put(storage::kClusterPart,
                             storage::encode_require_in_sync(old->id, storage::kClosedForAppends,
                                                             /*cluster_min_insync=*/1)));
  logged.parts.push_back(put(kSqlPart, encode_definition(command)));
  return logged;
}

}  // namespace server
