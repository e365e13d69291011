#include "server/node/coordinators.h"

#include "records/control_batch.h"
#include "server/coordinator/internal_topics.h"

namespace server {

using coordinator::kOffsetsTopic;
using coordinator::TransactionEnded;

namespace {

// Sends the ends of transactions to partitions, for the coordinators on one loop. If transactions
// are routed (KafkaPart::routes_transactions()), it sends a message to the leader of the partition,
// which may be this node. Otherwise it calls the loop's backend or groups directly.
struct EndTeller {
  Loop& loop;
  kafka::Backend& backend;
  coordinator::Groups& groups;
  const Clock& clock;
  KafkaPart& cluster;

  void operator()(const std::string& topic, int32_t partition, const TransactionEnded& ended,
                  coordinator::Marker marker, std::function<void(Status)> done) const {
    // The answer is posted: a caller that sends many ends in a C++ loop must not be called back
    // within this loop.
    const auto answer = [&loop = loop, done = std::move(done)](Status status) {
      loop.post([done, status = std::move(status)] { done(status); });
    };
    const auto topics = backend.topics();
    const storage::TopicInfo* known = topics->find(topic);
    if (!known || partition >= known->partition_count) return answer({});
    if (cluster.routes_transactions())
      return cluster.tell_end({known->id, PartitionId(partition)}, ended, answer);
    const bool is_stored = marker == coordinator::Marker::Stored;
    if (topic == kOffsetsTopic)
      return groups.ask_at(
          PartitionId(partition), coordinator::EndOffsets{ended, is_stored},
          [answer](const coordinator::EndedOffsets& told) { answer(status_of_end(told.error)); });
    if (is_stored) return answer({});
    storage::AppendRequest request;
    request.parts.push_back({{known->id, PartitionId(partition)},
                             records::marker_batch(ended.producer.id, ended.producer.epoch,
                                                   ended.marker, clock.wall_ms())});
    backend.append(std::move(request), [answer](Result<storage::Appended> appended) {
      const bool is_gone = !appended && appended.error().code == ErrorCode::UnknownTopic;
      answer(appended || is_gone ? Status{} : Status{std::move(appended).error()});
    });
  }
};

// Returns a check that this node still leads the partition. A coordinator that was suspended or disconnected, and was
// replaced in the meantime, would answer from outdated state.
auto confirmed_by(KafkaPart& cluster, bool (*is_to_be_confirmed)(KafkaError)) {
  decltype(TransactionCoordinators::Kind::confirm) confirm;
  if (!cluster.leads_all())
    confirm = [&cluster, is_to_be_confirmed](const storage::TopicPartition& partition,
                                             KafkaError error, std::function<void(bool)> done) {
      if (!is_to_be_confirmed(error)) return done(true);
      cluster.confirm_leads({partition}, [done = std::move(done)](const auto& confirmed) {
        done(!confirmed.empty());
      });
    };
  return confirm;
}

}  // namespace

Status status_of_end(KafkaError error) {
  if (error == KafkaError::None) return {};
  if (error == KafkaError::InvalidProducerEpoch)
    return Error{ErrorCode::FencedTask, "the producer was replaced by a newer one"};
  return Error{ErrorCode::NotLeader, "the coordinator of the group is not available"};
}

std::unique_ptr<GroupCoordinators> make_group_coordinators(
    const std::vector<CoordinatorPlace>& places, const coordinator::GroupSettings& settings,
    const Clock& clock, MemoryBudget& memory, KafkaPart& cluster) {
  std::vector<std::shared_ptr<SharedTopics>> topics;
  std::vector<std::shared_ptr<ShareStateRelay>> relays;
  for (const CoordinatorPlace& place : places) {
    topics.push_back(std::make_shared<SharedTopics>(*place.loop, *place.backend));
    if (!cluster.leads_all())
      relays.push_back(std::make_shared<ShareStateRelay>(*place.loop, *place.backend, cluster));
  }
  const auto make_shard = [&](size_t place, CoordinatorLoop& port) {
    const auto relay = relays.empty() ? nullptr : relays[place];
    auto shard = std::make_unique<coordinator::GroupShard>(
        settings, port, memory,
        // The groups of the shard use topics[place] and `relay`, so this function shares their ownership.
        [&backend = *places[place].backend, held = topics[place], relay] {
          return backend.topics();
        },
        [&backend = *places[place].backend] { return backend.group_configs(); },
        [] { return Uuid::random(); }, topics[place].get(), relay.get());
    topics[place]->on_grown([raw = shard.get()](const coordinator::TopicIdPartition& partition) {
      raw->for_each([&](coordinator::GroupPartition& each) { each.grown(partition); });
    });
    return shard;
  };
  return std::make_unique<GroupCoordinators>(
      places,
      GroupCoordinators::Kind{kOffsetsTopic, settings.offsets_topic_partitions, "groups",
                              confirmed_by(cluster,
                                           [](KafkaError error) {
                                             return error == KafkaError::None ||
                                                    coordinator::is_group_verdict(error);
                                           })},
      clock, make_shard, topics, relays);
}

std::unique_ptr<TransactionCoordinators> make_transaction_coordinators(
    const std::vector<CoordinatorPlace>& places, const coordinator::TransactionSettings& settings,
    const Clock& clock, MemoryBudget& memory, GroupCoordinators& groups, KafkaPart& cluster) {
  return std::make_unique<TransactionCoordinators>(
      places,
      TransactionCoordinators::Kind{coordinator::kTransactionsTopic, settings.topic_partitions,
                                    "transactions", confirmed_by(cluster, coordinator::is_verdict)},
      clock, [&](size_t place, CoordinatorLoop& port) {
        kafka::Backend& backend = *places[place].backend;
        return std::make_unique<coordinator::TransactionShard>(
            settings, port, memory,
            [&backend](std::function<void(Result<ProducerId>)> done) {
              backend.allocate_producer_id(std::move(done));
            },
            EndTeller{*places[place].loop, backend, groups.of(place), clock, cluster},
            coordinator::TransactionRules{.ends_at_once = !cluster.routes_transactions()});
      });
}

}  // namespace server
