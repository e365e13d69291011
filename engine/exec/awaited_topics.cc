#include "engine/exec/awaited_topics.h"

#include <algorithm>
#include <cassert>

namespace engine {

namespace {

constexpr Offset kOffsetAfterAll{INT64_MAX};

}  // namespace

size_t AwaitedTopics::add(const TopicWritersPtr& writers) {
  const auto known = std::ranges::find(topics_, writers, &Topic::writers);
  const auto index = static_cast<size_t>(known - topics_.begin());
  if (known == topics_.end()) topics_.push_back({writers, {}});
  return index;
}

bool AwaitedTopics::is_any_written() const {
  return std::ranges::any_of(topics_, [](const Topic& topic) { return !topic.ends.empty(); });
}

void AwaitedTopics::add_positions(std::vector<std::pair<PartitionRef, Offset>>& positions) {
  for (Topic& topic : topics_) {
    // The version is read before the poll. If a writer commits in between, the version differs from the version at
    // the next poll, so the change is noticed.
    topic.version = topic.writers->version();
    const std::span<const PartitionRef> inputs = topic.writers->inputs();
    topic.ends.assign(inputs.size(), Offset(0));
    if (topic.state == State::PassedSince ||
        (topic.state == State::Awaited && topic.writers->have_passed()))
      topic.state = State::Passed;
    for (const PartitionRef& input : inputs) positions.emplace_back(input, kOffsetAfterAll);
  }
}

std::span<const Polled> AwaitedTopics::see(std::span<const Polled> polled) {
  for (Topic& topic : topics_) {
    // An input that cannot be read or was deleted is treated as empty, so no row is awaited from
    // it. The tasks that read the input report the error.
    for (size_t i = 0; i < topic.ends.size(); ++i)
      topic.ends[i] = polled[i].status ? polled[i].readable_end : Offset(0);
    polled = polled.subspan(topic.ends.size());
  }
  return polled;
}

void AwaitedTopics::note_moment() {
  for (Topic& topic : topics_) {
    topic.writers->note_moment(topic.ends);
    const bool have_passed = topic.writers->have_passed();
    topic.state = !have_passed                                ? State::Awaited
                  : topic.writers->version() == topic.version ? State::Passed
                                                              : State::PassedSince;
  }
}

}  // namespace engine
