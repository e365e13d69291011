#include <utility>

#include "server/kafka/handlers/committed_offsets.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/handlers/transaction_answers.h"

namespace server::kafka {

// Kept until the transaction is decided. The partition of the group is part of the producer's open
// transaction: else nobody would tell it how that ends, and the group's offsets would be undecided for good.
void handle_txn_offset_commit(HandlerContext& context, TxnOffsetCommitRequest request,
                              Reply<TxnOffsetCommitResponse> reply) {
  coordinator::CommitOffsets commit;
  commit.group_id = request.group_id;
  commit.generation = request.generation_id;
  commit.member_id = std::move(request.member_id);
  commit.instance_id = std::move(request.group_instance_id);
  commit.producer = {ProducerId{request.producer_id}, request.producer_epoch};
  take_offsets(request, commit);
  Backend& backend = context.backend;
  auto verify = add_offsets_of_group(backend, request, true);
  const auto send = answering(reply);
  if (!verify) return send(commit.refusal(KafkaError::CoordinatorNotAvailable));
  backend.transactions().ask(*std::move(verify),
                             [&backend, commit = std::move(commit),
                              send](const coordinator::TransactionAnswer& verified) mutable {
                               // No version of this request knows the newer code.
                               if (verified.error != KafkaError::None)
                                 return send(commit.refusal(as_old_epoch(verified.error)));
                               backend.groups().ask(std::move(commit), send);
                             });
}

}  // namespace server::kafka
