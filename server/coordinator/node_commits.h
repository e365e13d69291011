// The transactional ids under which cluster nodes commit rows of sessions that go to several partitions.
#pragma once
#include <string_view>

namespace server::coordinator {

// The prefix of these transactional ids. A client may not use an id with this prefix.
inline constexpr std::string_view kCommitIds = "__millrace_commit_";

inline bool is_commit_of_node(std::string_view transactional_id) {
  return transactional_id.starts_with(kCommitIds);
}

}  // namespace server::coordinator
