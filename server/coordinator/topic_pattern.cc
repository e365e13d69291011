#include "server/coordinator/topic_pattern.h"

#include <re2/re2.h>

#include <utility>

#include "server/coordinator/internal_topics.h"

namespace server::coordinator {

namespace {

// limit for the text of a pattern; the name of a topic has at most 249 letters
constexpr size_t kMostBytes = 10'000;
constexpr int64_t kMostMemory =
    1 << 20;  // limit for a compiled pattern, so that members cannot fill the memory
constexpr int64_t kSliceUs = 2'000;
constexpr size_t kNamesPerLook = 16;  // number of names that are matched between two reads of the
                                      // clock

}  // namespace

TopicPattern::TopicPattern(std::unique_ptr<re2::RE2> compiled) : compiled_(std::move(compiled)) {}
TopicPattern::TopicPattern(TopicPattern&&) noexcept = default;
TopicPattern& TopicPattern::operator=(TopicPattern&&) noexcept = default;
TopicPattern::~TopicPattern() = default;

std::optional<TopicPattern> TopicPattern::compile(std::string_view pattern) {
  if (pattern.empty() || pattern.size() > kMostBytes) return std::nullopt;
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(kMostMemory);
  auto compiled =
      std::make_unique<re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!compiled->ok()) return std::nullopt;
  return TopicPattern(std::move(compiled));
}

bool TopicPattern::refresh(const std::shared_ptr<const storage::TopicSnapshot>& now,
                           const Clock& clock) {
  if (!next_) {
    if (seen_ == now) return false;
    seen_ = now;
    next_ = seen_->by_name().begin();
    found_.clear();
  }
  const int64_t begin_us = clock.monotonic_us();
  size_t looked_at = 0;
  for (auto& next = *next_; next != seen_->by_name().end(); ++next) {
    if (++looked_at % kNamesPerLook == 0 && clock.monotonic_us() - begin_us > kSliceUs)
      return false;
    const std::string& name = next->first;
    // Internal topics are never matched, as with the setting exclude.internal.topics of clients.
    if (is_coordinator_topic(name)) continue;
    if (re2::RE2::FullMatch(name, *compiled_)) found_.push_back(name);
  }
  next_.reset();
  if (found_ == topics_) return false;
  topics_ = std::move(found_);
  return true;
}

}  // namespace server::coordinator
