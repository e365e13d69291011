#include "tests/sim/table_closer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "storage/meta/closed_partition.h"

namespace sim {

namespace {

constexpr int64_t kStaysOpenUs = 400'000, kStaysClosedUs = 200'000, kRepeatUs = 50'000;
constexpr int64_t kCommandUs = 1'000'000;  // time limit for a command
constexpr int64_t kReadCloseUs = 500'000;  // time within which all nodes have to read the close
constexpr int64_t kOpenTransactionUs = 5'000'000;

}  // namespace

void TableCloser::pause() {
  is_idle_ = is_stopping_;
  if (is_idle_) return;
  world_.queue.after(chance_.between(kStaysOpenUs / 4, kStaysOpenUs * 2), [this] { close(); });
}

void TableCloser::append(bool is_close, std::function<void(const Result<Revision>&)> then) {
  const uint64_t step = ++step_;
  const auto end = [this, step, then = std::move(then)](const Result<Revision>& appended) {
    if (step != step_) return;
    ++step_;
    then(appended);
  };
  world_.queue.after(kCommandUs, [end] { end(Error{ErrorCode::NetworkFailure, "no answer"}); });
  SimNode& node = *chance_.one_of(world_.nodes);
  if (!node.is_running()) return;
  node.run(node.life(), [this, &node, is_close, end] {
    if (node.cluster()->cluster()->partitions().empty())
      return end(Error{ErrorCode::UnknownTopic, "the topic does not exist yet"});
    auto& metadata = node.cluster()->metadata();
    const auto own_min = is_close ? std::optional(storage::kClosedForAppends) : std::nullopt;
    metadata.append(
        metadata.last_revision(),
        {{{std::string(storage::kClusterPart),
           storage::encode_require_in_sync(partitions_.front().topic, own_min,
                                           world_.settings.replicas.min_insync_replicas)}}},
        std::nullopt, end);
  });
}

void TableCloser::close() {
  append(true, [this](const Result<Revision>& closed) {
    if (!closed) return open();  // the command may have been carried out
    world_.findings.trace("the topic is closed");
    await_read(*closed, world_.queue.now_us() + kReadCloseUs);
  });
}

// The statement waits until all nodes have read the close, because a leader that has not read it
// still accepts records.
void TableCloser::await_read(Revision closed, int64_t give_up_us) {
  const bool have_read = std::ranges::all_of(world_.nodes, [&](const auto& node) {
    return node->is_running() && node->cluster()->metadata().last_revision() >= closed;
  });
  if (have_read) return ask_ends();
  if (world_.queue.now_us() >= give_up_us) return open();
  world_.queue.after(kRepeatUs, [this, closed, give_up_us] { await_read(closed, give_up_us); });
}

void TableCloser::ask_ends() {
  const uint64_t step = ++step_;
  world_.queue.after(kCommandUs, [this, step] {
    if (step == step_) open();
  });
  SimNode& node = *chance_.one_of(world_.nodes);
  if (!node.is_running()) return;
  node.run(node.life(), [this, &node, step] {
    node.cluster()->ends().ask(partitions_, kOpenTransactionUs,
                               [this, step](const Result<server::LeaderEndRequests::Ends>& ends) {
                                 if (step != step_) return;
                                 ++step_;
                                 for (size_t i = 0; ends && i < ends->size(); ++i)
                                   checker_.closed(ends->at(i).first, ends->at(i).second);
                                 world_.queue.after(chance_.between(0, kStaysClosedUs),
                                                    [this] { open(); });
                               });
  });
}

void TableCloser::open() {
  append(false, [this](const Result<Revision>& opened) {
    if (opened) return pause();
    world_.queue.after(kRepeatUs, [this] { open(); });
  });
}

}  // namespace sim
