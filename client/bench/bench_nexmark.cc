// millrace bench nexmark: sends the events of Nexmark to a server, or prints them as lines.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "client/admin/topics.h"
#include "client/bench/bench.h"
#include "client/bench/nexmark_model.h"
#include "client/command_line.h"
#include "client/producer.h"
#include "client/progress.h"

namespace client {

namespace {

using std::chrono::steady_clock;

constexpr std::array<std::string_view, 3> kTopics{"nexmark-person", "nexmark-auction",
                                                  "nexmark-bid"};
constexpr int64_t kEventsPerLook = 64;  // events between two checks of the clock and of interrupts

std::string_view topic_of(const NexmarkEvent& event) {
  return kTopics[static_cast<size_t>(event.kind)];
}

// Bids have no key, so that a query by auction or by bidder must repartition them.
std::optional<std::string> key_of(const NexmarkEvent& event) {
  if (event.kind == NexmarkKind::Bid) return std::nullopt;
  std::string key(sizeof(int64_t), '\0');  // eight bytes, as Kafka's serializer of a Long writes
  for (size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<char>(static_cast<uint64_t>(event.id) >> (8 * (key.size() - 1 - i)));
  return key;
}

NexmarkModel model_of(const BenchRequest& request) {
  NexmarkSettings settings;
  settings.seed = static_cast<uint64_t>(request.seed);
  return NexmarkModel(settings);
}

Status make_topics(Connection& connection, const BenchRequest& request) {
  const auto known = TRY(connection.topics());
  for (const std::string_view name : kTopics) {
    const auto has_name = [&](const TopicDescription& topic) { return topic.name == name; };
    if (std::ranges::any_of(known, has_name)) continue;
    TRY(create_topic(connection, {std::string(name), request.partitions, {}, {}}));
  }
  return {};
}

BenchResult print_all(const BenchRequest& request) {
  const NexmarkModel model = model_of(request);
  BenchResult result{"nexmark", "", "-"};
  for (int64_t i = 0; i < request.most_records; ++i) {
    const NexmarkEvent event = model.event(i);
    fmt::print("{}\t{}\n", topic_of(event), event.value);
  }
  return result;
}

}  // namespace

Result<BenchResult> bench_nexmark(const BenchRequest& request) {
  if (request.prints) return print_all(request);
  Producer producer = TRY(Producer::open(request.settings));
  TRY(make_topics(producer.connection(), request));
  watch_for_interrupts();
  const NexmarkModel model = model_of(request);
  Progress progress(request.is_json ? Progress::Wanted::No : Progress::Wanted::Yes);
  BenchResult result{"nexmark", request.settings.bootstrap_server, "nexmark-*"};
  result.partitions = static_cast<size_t>(request.partitions.value_or(0));
  const auto began = steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(steady_clock::now() - began).count();
  };
  for (int64_t i = 0; i < request.most_records; ++i) {
    if (i % kEventsPerLook == 0 && (is_interrupted() || seconds() > request.most_seconds)) break;
    NexmarkEvent event = model.event(i);
    result.bytes += static_cast<int64_t>(event.value.size());
    const std::string topic(topic_of(event));
    TRY(producer.send(topic, std::nullopt, {key_of(event), std::move(event.value), {}}));
    progress.show(producer.delivered(), result.bytes);
  }
  TRY(producer.finish(is_interrupted));
  result.records = producer.delivered();
  result.failed_records = producer.failed();
  result.seconds = seconds();
  return result;
}

}  // namespace client
