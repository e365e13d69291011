#include "server/node/group_coordinators.h"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <utility>

#include "records/batch.h"
#include "server/coordinator/internal_topics.h"

namespace server {

using coordinator::GroupListing;
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
      return loop.post(then_set_timer([done = std::move(done)] {
        done(Error{ErrorCode::FencedLeaderEpoch, "the partition has another leader epoch now"});
      }));
    storage::AppendRequest request;
    request.parts.push_back({{topic, partition}, std::move(batch)});
    backend.append(std::move(request),
                   [this, done = std::move(done)](Result<storage::Appended> appended) {
                     done(appended ? Status{} : Status{std::move(appended).error()});
                     set_timer();
                   });
  }
  void defer(std::function<void()> task) override { loop.defer(then_set_timer(std::move(task))); }
  void post_rest(std::function<void()> task) override {
    loop.post_rest("groups", then_set_timer(std::move(task)));
  }
  // Whatever coordinators do may let something be due earlier.
  std::function<void()> then_set_timer(std::function<void()> task) {
    return [this, task = std::move(task)] {
      task();
      set_timer();
    };
  }

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

  // Most members only say that they are there, of groups at rest: that needs no other loop.
  void heartbeat(coordinator::GroupHeartbeat request,
                 coordinator::Done<coordinator::GroupHeartbeatAnswer> done) override {
    std::string key = request.instance_id
                          ? std::string()
                          : coordinator::MemberPulses::key(request.group_id, request.member_id,
                                                           request.generation);
    if (!key.empty() && pulses.beat(key, time_source.monotonic_us())) return done({});
    ask(std::move(request), [this, key = std::move(key), done = std::move(done)](
                                coordinator::GroupHeartbeatAnswer answer) mutable {
      if (answer.pulse) pulses.keep(std::move(key), std::move(answer.pulse));
      done(std::move(answer));
    });
  }

  void list(coordinator::Done<coordinator::ListedGroups> done) override {
    owner.gather<GroupListing>(
        [](const GroupPartition& partition) { return partition.list(); },
        [home = home(), done = std::move(done)](KafkaError error, std::vector<GroupListing> all) {
          home([done, error, all = std::move(all)]() mutable { done({error, std::move(all)}); });
        });
  }

  // Calls `visit` for each partition that this loop leads, in slices: there may be many groups. Answers
  // with an error when one cannot be asked.
  using Visit = std::function<void(const GroupPartition& partition)>;
  void visit_all(int32_t first, KafkaError error, Visit visit,
                 std::function<void(KafkaError)> done) {
    const auto topics = backend.topics();
    const storage::TopicInfo* known = find_topic(*topics);
    const int64_t begin_us = time_source.monotonic_us();
    for (int32_t i = first; known && i < known->partition_count; ++i) {
      if (&owner.loop_of(PartitionId(i)) != this) continue;
      constexpr int64_t kSliceUs = 1'000;
      if (time_source.monotonic_us() - begin_us > kSliceUs)
        return post_rest([this, i, error, visit, done] { visit_all(i, error, visit, done); });
      const GroupPartition* of = groups.find(PartitionId(i));
      const KafkaError why_not = of ? of->unavailable() : coordinator::kNotCoordinator;
      if (why_not != KafkaError::None)
        error = why_not;
      else
        visit(*of);
    }
    done(error);
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
  coordinator::MemberPulses pulses;  // of this loop's connections
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

template <class Row>
void GroupCoordinators::gather(std::function<std::vector<Row>(const GroupPartition&)> rows_of,
                               std::function<void(KafkaError, std::vector<Row>)> done) {
  struct Gathered {
    std::mutex mutex;
    std::vector<Row> rows;                // guarded by mutex
    KafkaError error = KafkaError::None;  // likewise
    size_t left;                          // likewise
  };
  auto gathered = std::make_shared<Gathered>();
  gathered->left = shards_.size();
  for (const auto& on : shards_)
    on->loop.post([on = on.get(), gathered, rows_of, done] {
      const auto visit = [gathered, rows_of](const GroupPartition& partition) {
        std::vector<Row> rows = rows_of(partition);
        const std::lock_guard lock(gathered->mutex);
        std::ranges::move(rows, std::back_inserter(gathered->rows));
      };
      on->visit_all(0, KafkaError::None, visit, [gathered, done](KafkaError error) {
        {
          const std::lock_guard lock(gathered->mutex);
          if (error != KafkaError::None) gathered->error = error;
          if (--gathered->left > 0) return;
        }
        done(gathered->error, std::move(gathered->rows));
      });
    });
}

void GroupCoordinators::progress(
    std::function<void(std::vector<coordinator::GroupProgress>)> done) {
  gather<coordinator::GroupProgress>(
      [](const GroupPartition& partition) { return partition.progress(); },
      [done = std::move(done)](KafkaError, std::vector<coordinator::GroupProgress> all) {
        done(std::move(all));
      });
}

void GroupCoordinators::start() {
  for (const auto& shard : shards_) shard->loop.post([raw = shard.get()] { raw->lead_all(); });
}

void GroupCoordinators::stop() {
  for (const auto& shard : shards_) shard->loop.post([raw = shard.get()] { raw->resign(); });
}

}  // namespace server
