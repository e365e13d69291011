#include "server/coordinator/node_commits.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/handlers/transaction_answers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

void init_transactional(HandlerContext& context, InitProducerIdRequest request,
                        const Reply<InitProducerIdResponse>& reply) {
  constexpr int16_t kFirstWithFenced = 4;
  coordinator::InitProducer init;
  init.transactional_id = *std::move(request.transactional_id);
  init.timeout_ms = request.transaction_timeout_ms;
  if (request.producer_id >= 0)
    init.expected = {ProducerId{request.producer_id}, request.producer_epoch};
  // The first request creates the topic that keeps the state of transactions.
  coordinator::Transactions& transactions = context.backend.transactions();
  const auto send = [reply](const coordinator::InitializedProducer& initialized) {
    InitProducerIdResponse response;
    response.error_code = known_to_client(initialized.error, reply.version(), kFirstWithFenced);
    response.producer_id = initialized.producer.id.value();
    response.producer_epoch = initialized.producer.epoch;
    reply.send(response);
  };
  if (coordinator::is_commit_of_node(init.transactional_id)) return send({kTransactionRefused, {}});
  transactions.prepare([&transactions, init = std::move(init), send](KafkaError error) mutable {
    if (error != KafkaError::None) return send({error, {}});
    transactions.ask(std::move(init), send);
  });
}

}  // namespace

void handle_init_producer_id(HandlerContext& context, InitProducerIdRequest request,
                             Reply<InitProducerIdResponse> reply) {
  if (request.transactional_id) return init_transactional(context, std::move(request), reply);
  context.backend.allocate_producer_id([reply](Result<ProducerId> id) {
    InitProducerIdResponse response;
    if (id) {
      response.producer_id = id->value();
      response.producer_epoch = 0;
    } else {
      response.error_code = kafka_error(id.error().code);
    }
    reply.send(response);
  });
}

}  // namespace server::kafka
