// Topics that a member subscribes to by a pattern, in RE2's syntax (KIP-848 names RE2/J).
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "storage/meta/topic_table.h"

namespace re2 {
class RE2;
}

namespace server::coordinator {

// The topics that fit a pattern, kept up to date. A name costs time in proportion to its length, whatever the
// pattern; where topics are many a look over them is done in slices.
//
// Threads: one loop's. Owner: a group.
class TopicPattern {
 public:
  // Nothing when it is no pattern, or one that takes too much memory.
  static std::optional<TopicPattern> compile(std::string_view pattern);
  TopicPattern(TopicPattern&&) noexcept;
  TopicPattern& operator=(TopicPattern&&) noexcept;
  ~TopicPattern();

  // For at most about a slice; to be called again with the next request, whether the topics have changed or
  // not. True when topics() is another now.
  bool refresh(const std::shared_ptr<const storage::TopicSnapshot>& now, const Clock& clock);
  // Sorted; without the server's own.
  const std::vector<std::string>& topics() const { return topics_; }

 private:
  explicit TopicPattern(std::unique_ptr<re2::RE2> compiled);

  std::unique_ptr<re2::RE2> compiled_;
  std::vector<std::string> topics_;
  // What is looked at, or was last; shared: topics change meanwhile.
  std::shared_ptr<const storage::TopicSnapshot> seen_;
  std::optional<storage::TopicSnapshot::ByName::const_iterator>
      next_;  // none: all of `seen_` was looked at
  std::vector<std::string> found_;
};

}  // namespace server::coordinator
