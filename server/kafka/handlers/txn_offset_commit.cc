#include <utility>

#include "server/kafka/handlers/committed_offsets.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/handlers/transaction_answers.h"

namespace server::kafka {

namespace {

constexpr int16_t kFirstWithAbortable = 4, kFirstOfSecondVersion = 5;

void commit_offsets(Backend& backend, TxnOffsetCommitRequest request,
                    const Reply<TxnOffsetCommitResponse>& reply) {
  coordinator::CommitOffsets commit;
  commit.group_id = request.group_id;
  commit.generation = request.generation_id;
  commit.member_id = std::move(request.member_id);
  commit.instance_id = std::move(request.group_instance_id);
  commit.producer = {ProducerId{request.producer_id}, request.producer_epoch};
  take_offsets(request, commit);
  const bool adds = reply.version() >= kFirstOfSecondVersion;
  auto add = add_offsets_of_group(backend, request,
                                  adds ? Membership::AddedBySecondVersion : Membership::Verified);
  const auto send = answering(reply);
  if (!add) return send(commit.refusal(KafkaError::CoordinatorNotAvailable));
  const auto topics = backend.topics();
  const storage::TopicInfo* offsets = topics->find(coordinator::kOffsetsTopic);
  if (!offsets) return send(commit.refusal(KafkaError::CoordinatorNotAvailable));
  // In the second version of the protocol, a producer gets a new epoch at the end of each
  // transaction, and requests with an older epoch are refused. So no guard is needed.
  const auto guard = adds ? nullptr
                          : backend.guard_transaction(
                                {offsets->id, PartitionId{add->partitions.begin()->second.front()}},
                                commit.producer->id);
  backend.join_transaction(*std::move(add), [&backend, commit = std::move(commit), send, guard,
                                             version = reply.version()](const auto& added) mutable {
    // No version of this request supports the error code PRODUCER_FENCED, so the error for an old
    // epoch replaces it.
    if (added.error != KafkaError::None)
      return send(
          commit.refusal(as_abortable(as_old_epoch(added.error), version, kFirstWithAbortable)));
    if (guard) guard->answered_under(added.coordinator_epoch);
    commit.guard = guard;
    backend.groups().ask(std::move(commit), send);
  });
}

}  // namespace

// Commits offsets in a transaction. They are kept undecided until the transaction ends. The
// partition of the group has to be part of the producer's open transaction: otherwise it would not
// get the end marker, and the group's offsets would stay undecided. Clients of the second version
// do not announce the commit with AddOffsetsToTxn.
void handle_txn_offset_commit(HandlerContext& context, TxnOffsetCommitRequest request,
                              Reply<TxnOffsetCommitResponse> reply) {
  if (reply.version() < kFirstOfSecondVersion)
    return commit_offsets(context.backend, std::move(request), reply);
  context.backend.groups().prepare(
      [&backend = context.backend, request = std::move(request), reply](KafkaError) mutable {
        commit_offsets(backend, std::move(request), reply);
      });
}

}  // namespace server::kafka
