// The kinds of parts that a command or a snapshot of the metadata log may have.
#pragma once
#include <cstdint>
#include <string_view>

#include "storage/meta/client_quotas.h"
#include "storage/meta/cluster_table.h"
#include "storage/meta/connectors.h"
#include "storage/meta/group_configs.h"
#include "storage/meta/link_table.h"
#include "storage/meta/metadata_log.h"
#include "storage/meta/topic_configs.h"
#include "storage/meta/users.h"

namespace storage {

// Each function that reads parts has a switch over all of these kinds without a default case, so
// the compiler reports a forgotten kind as an error (-Wswitch). Reason: `millrace check` once did
// not handle some kinds, and reported them as damaged definitions.
enum class MetadataPartKind : uint8_t {
  TopicPart,
  QuotaPart,
  GroupConfigPart,
  TopicDefaultPart,
  UserPart,
  ConnectorPart,
  LinkPart,
  DefinitionPart,  // part of the engine's definitions: server/metadata/definition_command.h
  ClusterPart,
  UnknownPart,  // a kind that only a newer version knows
};

constexpr MetadataPartKind kind_of_part(std::string_view type) {
  if (type == kTopicsPart) return MetadataPartKind::TopicPart;
  if (type == kQuotasPart) return MetadataPartKind::QuotaPart;
  if (type == kGroupConfigsPart) return MetadataPartKind::GroupConfigPart;
  if (type == kTopicDefaultsPart) return MetadataPartKind::TopicDefaultPart;
  if (type == kUsersPart) return MetadataPartKind::UserPart;
  if (type == kConnectorsPart) return MetadataPartKind::ConnectorPart;
  if (type == kLinksPart) return MetadataPartKind::LinkPart;
  if (type == "sql") return MetadataPartKind::DefinitionPart;
  if (type == kClusterPart) return MetadataPartKind::ClusterPart;
  return MetadataPartKind::UnknownPart;
}

}  // namespace storage
