// The transactional ids under which nodes of a cluster commit what sessions write to several partitions.
#pragma once
#include <string_view>

namespace server::coordinator {

// Clients may not use ids with this prefix.
inline constexpr std::string_view kCommitIds = "__millrace_commit_";

inline bool is_commit_of_node(std::string_view transactional_id) {
  return transactional_id.starts_with(kCommitIds);
}

}  // namespace server::coordinator
