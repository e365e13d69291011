#include "server/node/group_coordinators.h"

#include <algorithm>
#include <utility>

#include "records/batch.h"
#include "server/coordinator/internal_topics.h"

namespace server {

using coordinator::GroupPartition;
using coordinator::kOffsetsTopic;

namespace {

struct Turn {
  storage::LogReader& reader;
  ~Turn() { reader.end_turn(); }
};

const storage::TopicInfo* find_topic(const storage::TopicSnapshot& topics) {
  return topics.find(kOffsetsTopic);
}

}  // namespace

// All that belongs to one loop.
struct GroupCoordinators::OnLoop final : coordinator::CoordinatorPort, coordinator::Groups {
  OnLoop(GroupCoordinators& all, const Shard& shard, const coordinator::GroupSettings& with,
         const Clock& time, MemoryBudget& memory)
      : owner(all),
        loop(*shard.loop),
        backend(*shard.backend),
        settings(with),
        time_source(time),
        groups(
            with, *this, memory, [this] { return backend.topics(); },
            [] { return Uuid::random(); }),
        timer(loop, "groups", [this] { on_time(); }) {}

  // --- CoordinatorPort

  const Clock& clock() const override { return time_source; }

  Result<Offset> read(PartitionId partition, Offset from, size_t max_bytes,
                      const EachBatch& each) override {
    storage::LogReader& reader = backend.reader();
    TRY(reader.begin_turn());
    const Turn turn{reader};
    const auto batches =
        TRY(reader.read({topic, partition}, from, max_bytes, storage::ReadUpTo::LogEnd));
    for (const storage::BatchRef& batch : batches) {
      const auto view = TRY(records::parse_batch(batch.bytes, records::BatchCheck::ShapeAndCrc));
      TRY(each(view));
      from = batch.last_offset + 1;
    }
    return from;
  }
  Result<Extent> extent(PartitionId partition) override {
    const auto status = backend.find_partition({topic, partition});
    if (!status) return Error{ErrorCode::UnknownTopic, "the partition is not there"};
    return Extent{status->log_start(), status->log_end()};
  }
  // The log refuses who is not the leader, but knows no epoch of an append: a leader that has lost and
  // regained the partition in between is seen here.
  void append(PartitionId partition, LeaderEpoch epoch, std::string batch,
              std::function<void(Status)> done) override {
    const auto status = backend.find_partition({topic, partition});
    if (!status || status->leader_epoch() != epoch)
      return loop.post([done = std::move(done)] {
        done(Error{ErrorCode::FencedLeaderEpoch, "the partition has another leader epoch now"});
      });
    storage::AppendRequest request;
    request.parts.push_back({{topic, partition}, std::move(batch)});
    backend.append(std::move(request),
                   [done = std::move(done)](Result<storage::Appended> appended) {
                     done(appended ? Status{} : Status{std::move(appended).error()});
                   });
  }
  void defer(std::function<void()> task) override { loop.defer(std::move(task)); }
  void post_rest(std::function<void()> task) override { loop.post_rest("groups", std::move(task)); }

  // --- Groups

  void prepare(coordinator::Done<KafkaError> done) override {
    if (find_topic(*backend.topics())) return done(KafkaError::None);
    preparing.push_back(std::move(done));
    if (preparing.size() > 1) return;
    backend.create_topic(
        std::string(kOffsetsTopic), settings.offsets_topic_partitions,
        {{"cleanup.policy", "compact"}}, [this](Result<storage::TopicInfo> made) {
          const bool is_there = made || made.error().code == ErrorCode::TopicExists;
          if (is_there) owner.start();
          for (const auto& each : std::exchange(preparing, {}))
            each(is_there ? KafkaError::None : KafkaError::CoordinatorNotAvailable);
        });
  }

  void run(const std::string& group_id, Work work) override {
    const auto topics = backend.topics();
    const storage::TopicInfo* known = find_topic(*topics);
    if (!known) {
      prepare([](KafkaError) {});
      return work(nullptr, KafkaError::CoordinatorNotAvailable);
    }
    const PartitionId partition = coordinator::partition_of_group(group_id, known->partition_count);
    OnLoop& on = owner.loop_of(partition);
    on.run_here([&on, partition, work = std::move(work)] {
      GroupPartition* of = on.groups.find(partition);
      const KafkaError why_not = of ? of->unavailable() : coordinator::kNotCoordinator;
      work(why_not == KafkaError::None ? of : nullptr, why_not);
      on.set_timer();
    });
  }
  Home home() override {
    return [this](std::function<void()> task) { run_here(std::move(task)); };
  }

  void list(coordinator::Done<coordinator::ListedGroups> done) override {
    struct Gathered {
      coordinator::ListedGroups listed;
      coordinator::Done<coordinator::ListedGroups> done;
      size_t left;
    };
    auto gathered = std::make_shared<Gathered>(Gathered{{}, std::move(done), owner.shards_.size()});
    for (const auto& on : owner.shards_)
      on->run_here([this, raw = on.get(), gathered] {
        raw->list_here([this, gathered](coordinator::ListedGroups of_loop) {
          run_here([gathered, of_loop = std::move(of_loop)]() mutable {
            if (of_loop.error != KafkaError::None) gathered->listed.error = of_loop.error;
            std::ranges::move(of_loop.groups, std::back_inserter(gathered->listed.groups));
            if (--gathered->left == 0) gathered->done(std::move(gathered->listed));
          });
        });
      });
  }
  // A partition at a time: there may be many groups.
  void list_here(coordinator::Done<coordinator::ListedGroups> done) {
    auto listed = std::make_shared<coordinator::ListedGroups>();
    list_from(0, std::move(listed), std::move(done));
  }
  void list_from(int32_t first, std::shared_ptr<coordinator::ListedGroups> listed,
                 coordinator::Done<coordinator::ListedGroups> done) {
    const auto topics = backend.topics();
    const storage::TopicInfo* known = find_topic(*topics);
    const int64_t begin_us = time_source.monotonic_us();
    for (int32_t i = first; known && i < known->partition_count; ++i) {
      if (&owner.loop_of(PartitionId(i)) != this) continue;
      constexpr int64_t kSliceUs = 1'000;
      if (time_source.monotonic_us() - begin_us > kSliceUs)
        return post_rest([this, i, listed, done] { list_from(i, listed, done); });
      const GroupPartition* of = groups.find(PartitionId(i));
      const KafkaError why_not = of ? of->unavailable() : coordinator::kNotCoordinator;
      if (why_not != KafkaError::None)
        listed->error = why_not;
      else
        std::ranges::move(of->list(), std::back_inserter(listed->groups));
    }
    done(std::move(*listed));
  }

  // --- The loop

  void run_here(std::function<void()> task) {
    loop.is_here() ? task() : loop.post(std::move(task));
  }
  void lead_all() {
    if (is_stopped) return;
    const auto topics = backend.topics();
    const storage::TopicInfo* known = find_topic(*topics);
    if (!known || topic == known->id) return;
    topic = known->id;
    for (int32_t i = 0; i < known->partition_count; ++i) {
      const PartitionId partition(i);
      if (&owner.loop_of(partition) != this) continue;
      const auto status = backend.find_partition({topic, partition});
      if (status) groups.lead(partition, status->leader_epoch());
    }
    set_timer();
  }
  void resign() {
    is_stopped = true;
    groups.resign_all();
  }
  void on_time() {
    timer_us = INT64_MAX;
    groups.run_due();
    set_timer();
  }
  void set_timer() {
    const std::optional<int64_t> next = groups.next_us();
    if (!next || *next >= timer_us) return;
    timer_us = *next;
    timer.start_once(std::max<int64_t>((*next - time_source.monotonic_us() + 999) / 1000, 0));
  }

  GroupCoordinators& owner;
  Loop& loop;
  kafka::Backend& backend;
  const coordinator::GroupSettings& settings;
  const Clock& time_source;
  Uuid topic;  // that the partitions are of
  coordinator::GroupShard groups;
  std::vector<coordinator::Done<KafkaError>> preparing;
  bool is_stopped = false;
  int64_t timer_us = INT64_MAX;  // when the timer ends
  Timer timer;
};

GroupCoordinators::GroupCoordinators(const std::vector<Shard>& shards,
                                     const coordinator::GroupSettings& settings, const Clock& clock,
                                     MemoryBudget& memory)
    : settings_(settings) {
  for (const Shard& shard : shards)
    shards_.push_back(std::make_unique<OnLoop>(*this, shard, settings_, clock, memory));
}

GroupCoordinators::~GroupCoordinators() = default;

coordinator::Groups& GroupCoordinators::of(size_t shard) { return *shards_[shard]; }

GroupCoordinators::OnLoop& GroupCoordinators::loop_of(PartitionId partition) {
  return *shards_[static_cast<size_t>(partition.value()) % shards_.size()];
}

void GroupCoordinators::start() {
  for (const auto& shard : shards_) shard->loop.post([raw = shard.get()] { raw->lead_all(); });
}

void GroupCoordinators::stop() {
  for (const auto& shard : shards_) shard->loop.post([raw = shard.get()] { raw->resign(); });
}

}  // namespace server
