#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

void handle_init_producer_id(HandlerContext& context, InitProducerIdRequest request,
                             Reply<InitProducerIdResponse> reply) {
  if (request.transactional_id) {
    // 53 is the code that makes clients stop at once; transactions are not supported yet.
    InitProducerIdResponse refusal;
    refusal.error_code = request.transactional_id->empty() ? KafkaError::InvalidRequest
                                                           : kTransactionalIdNotAuthorized;
    return reply.send(refusal);
  }
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
