// Subscriptions to topics by a pattern in RE2's syntax (KIP-848 requires RE2/J).
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

// The topics whose names match a pattern. refresh() keeps them up to date. The time to match a name
// is proportional to the length of the name, for any pattern. A scan over many topics is done in
// slices.
//
// Threads: one loop. Owner: a group.
class TopicPattern {
 public:
  // Returns nullopt if the pattern is invalid, or if its compiled form takes too much memory.
  static std::optional<TopicPattern> compile(std::string_view pattern);
  TopicPattern(TopicPattern&&) noexcept;
  TopicPattern& operator=(TopicPattern&&) noexcept;
  ~TopicPattern();

  // Scans the topics `now` for the time of about one slice. The caller repeats the call with each
  // request, even if the topics have not changed, because the last scan may be incomplete. Returns
  // true if topics() has changed.
  bool refresh(const std::shared_ptr<const storage::TopicSnapshot>& now, const Clock& clock);
  // Returns the matching topics of the last complete scan, sorted, without internal topics.
  const std::vector<std::string>& topics() const { return topics_; }

 private:
  explicit TopicPattern(std::unique_ptr<re2::RE2> compiled);

  std::unique_ptr<re2::RE2> compiled_;
  std::vector<std::string> topics_;
  // The metadata of the current or last scan. The pointer keeps them valid if newer metadata arrive
  // during the scan.
  std::shared_ptr<const storage::TopicSnapshot> seen_;
  std::optional<storage::TopicSnapshot::ByName::const_iterator>
      next_;  // nullopt: the scan of `seen_` is complete
  std::vector<std::string> found_;
};

}  // namespace server::coordinator
