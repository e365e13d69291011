// Subscriptions to topics by a pattern, in RE2's syntax (KIP-848 requires RE2/J).
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

// The topics that match a pattern, kept up to date. Matching a name takes time in proportion to its length, whatever
// the pattern; a scan over many topics is done in slices.
//
// Threads: one loop's. Owner: a group.
class TopicPattern {
 public:
  // None if the pattern is invalid, or its compiled form takes too much memory.
  static std::optional<TopicPattern> compile(std::string_view pattern);
  TopicPattern(TopicPattern&&) noexcept;
  TopicPattern& operator=(TopicPattern&&) noexcept;
  ~TopicPattern();

  // Runs for at most about one slice; to be called again with the next request, whether the topics have changed or not.
  // True if topics() has changed.
  bool refresh(const std::shared_ptr<const storage::TopicSnapshot>& now, const Clock& clock);
  // Sorted; without internal topics.
  const std::vector<std::string>& topics() const { return topics_; }

 private:
  explicit TopicPattern(std::unique_ptr<re2::RE2> compiled);

  std::unique_ptr<re2::RE2> compiled_;
  std::vector<std::string> topics_;
  // The metadata of the current or last scan; shared, since topics change meanwhile.
  std::shared_ptr<const storage::TopicSnapshot> seen_;
  std::optional<storage::TopicSnapshot::ByName::const_iterator>
      next_;  // none: the scan of `seen_` is complete
  std::vector<std::string> found_;
};

}  // namespace server::coordinator
