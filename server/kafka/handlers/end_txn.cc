#include "server/kafka/handlers/handlers.h"
#include "server/kafka/handlers/transaction_answers.h"

namespace server::kafka {

void handle_end_txn(HandlerContext& context, EndTxnRequest request, Reply<EndTxnResponse> reply) {
  constexpr int16_t kFirstWithFenced = 2, kFirstOfSecondVersion = 5;
  context.backend.transactions().ask(
      coordinator::EndTransaction{std::move(request.transactional_id),
                                  {ProducerId{request.producer_id}, request.producer_epoch},
                                  request.committed,
                                  reply.version() >= kFirstOfSecondVersion},
      [reply](const coordinator::EndedTransaction& answer) {
        EndTxnResponse response;
        response.error_code = known_to_client(answer.error, reply.version(), kFirstWithFenced);
        response.producer_id = answer.producer.id.value();
        response.producer_epoch = answer.producer.epoch;
        reply.send(response);
      });
}

}  // namespace server::kafka
