// A table of the statements that a cluster does not execute, or executes differently from a lone
// node. The checks of statements use the table, and the manual shows it (docs/cluster/sql.md,
// "Compared with one server").
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/metadata/cluster_facts.h"
#include "storage/meta/feature_level.h"

namespace server {

struct Capability {
  // A statement that tests/clients/test_capabilities.py executes.
  std::string_view statement;
  bool in_cluster = true;  // false: refused with not_in_cluster_yet()
  // the lowest feature level at which a cluster executes the statement
  storage::FeatureLevel level = storage::kFirstLevel;
  // the feature that the check passes to ClusterFacts::supports()
  std::optional<Feature> feature = std::nullopt;
  // difference to a lone node, for the manual; empty: none
  std::string_view difference = {};
};

std::span<const Capability> capabilities();
// Whether a cluster has the feature, at any level.
bool cluster_has(Feature feature);
// Returns the table as the lines of the manual.
std::string capability_lines();

}  // namespace server
