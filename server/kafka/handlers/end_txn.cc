#include "server/kafka/handlers/handlers.h"
#include "server/kafka/handlers/transaction_answers.h"

namespace server::kafka {

void handle_end_txn(HandlerContext& context, EndTxnRequest request, Reply<EndTxnResponse> reply) {
  constexpr int16_t kFirstWithFenced = 2;
  context.backend.transactions().ask(
      coordinator::EndTransaction{std::move(request.transactional_id),
                                  {ProducerId{request.producer_id}, request.producer_epoch},
                                  request.committed},
      [reply](const coordinator::TransactionAnswer& answer) {
        EndTxnResponse response;
        response.error_code = known_to_client(answer.error, reply.version(), kFirstWithFenced);
        reply.send(response);
      });
}

}  // namespace server::kafka
