#include <utility>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/handlers/transaction_answers.h"

namespace server::kafka {

// Adds the partition that keeps the group's offsets to the transaction.
void handle_add_offsets_to_txn(HandlerContext& context, AddOffsetsToTxnRequest request,
                               Reply<AddOffsetsToTxnResponse> reply) {
  constexpr int16_t kFirstWithFenced = 2;
  const auto send = [reply](KafkaError error) {
    AddOffsetsToTxnResponse response;
    response.error_code = known_to_client(error, reply.version(), kFirstWithFenced);
    reply.send(response);
  };
  if (request.group_id.empty()) return send(coordinator::kInvalidGroupId);
  Backend& backend = context.backend;
  backend.groups().prepare([&backend, send, request = std::move(request)](KafkaError error) {
    auto add = add_offsets_of_group(backend, request, Membership::Added);
    if (error != KafkaError::None || !add) return send(KafkaError::CoordinatorNotAvailable);
    backend.transactions().ask(
        *std::move(add),
        [send](const coordinator::TransactionAnswer& answer) { send(answer.error); });
  });
}

}  // namespace server::kafka
