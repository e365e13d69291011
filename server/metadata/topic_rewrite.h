// Begins an ALTER TABLE that writes the rows of a table to a new topic, in a cluster
// (docs/adr/0158).
#pragma once
#include <string>

#include "base/result.h"
#include "base/uuid.h"
#include "server/metadata/definition_command.h"
#include "server/metadata/image.h"
#include "server/metadata/rights.h"
#include "storage/meta/metadata_log.h"

namespace server {

struct TopicRewrite {
  Uuid old_topic, new_topic;
  int32_t partitions = 1;  // of the new topic
  Uuid transaction;        // the definitions of the statement belong to this transaction
  NodeProcess owner;       // the process that has the session
};

// Plans the command that closes the old topic for appends and creates the new topic under a
// temporary name. Both belong to the transaction: its rollback opens the old topic and deletes the
// new one. Fails with UnknownTopic, with LockTimeout if another transaction uses the table, and with
// InsufficientPrivilege if the user does not own the table.
Result<storage::MetadataCommand> plan_topic_rewrite(const TopicRewrite& rewrite,
                                                    const std::string& sql,
                                                    const MetadataImage& image, const Asker& asker);

}  // namespace server
