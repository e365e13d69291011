#include <utility>

#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

void handle_describe_transactions(HandlerContext& context, DescribeTransactionsRequest request,
                                  Reply<DescribeTransactionsResponse> reply) {
  using Pending = PendingResponse<DescribeTransactionsResponse>;
  auto pending = std::make_shared<Pending>(Pending{{}, reply});
  pending->response.transaction_states.resize(request.transactional_ids.size());
  for (size_t i = 0; i < request.transactional_ids.size(); ++i) {
    pending->response.transaction_states[i].transactional_id = request.transactional_ids[i];
    ++pending->left;
    context.backend.transactions().ask(
        coordinator::DescribeTransaction{std::move(request.transactional_ids[i])},
        [pending, i](const coordinator::TransactionDescription& description) {
          auto& state = pending->response.transaction_states[i];
          state.error_code = description.error;
          if (description.error == KafkaError::None) {
            const coordinator::TransactionValue& value = description.value;
            state.transaction_state = name(value.state);
            state.transaction_timeout_ms = value.timeout_ms;
            state.transaction_start_time_ms = value.start_ms;
            state.producer_id = value.producer_id.value();
            state.producer_epoch = value.epoch;
            for (const auto& [topic, partitions] : value.partitions)
              state.topics.push_back({topic, partitions});
          }
          pending->complete_one();
        });
  }
  pending->complete_one();
}

}  // namespace server::kafka
