#include <algorithm>
#include <utility>

#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

namespace {

// Returns whether the transaction passes the filters; an empty filter passes all.
bool is_wanted(const coordinator::TransactionListing& listing,
               const ListTransactionsRequest& request, int64_t now_ms) {
  const auto has = [](const auto& filter, const auto& value) {
    return filter.empty() || std::ranges::find(filter, value) != filter.end();
  };
  if (!has(request.state_filters, name(listing.state))) return false;
  if (!has(request.producer_id_filters, listing.producer_id.value())) return false;
  return request.duration_filter < 0 ||
         (listing.start_ms >= 0 && now_ms - listing.start_ms > request.duration_filter);
}

}  // namespace

void handle_list_transactions(HandlerContext& context, ListTransactionsRequest request,
                              Reply<ListTransactionsResponse> reply) {
  ListTransactionsResponse response;
  for (const std::string& state : request.state_filters)
    if (!coordinator::is_transaction_state(state)) response.unknown_state_filters.push_back(state);
  std::erase_if(request.state_filters,
                [](const std::string& state) { return !coordinator::is_transaction_state(state); });
  const bool wants_none = request.state_filters.empty() && !response.unknown_state_filters.empty();
  context.backend.transactions().list(
      [reply, response = std::move(response), request = std::move(request), wants_none,
       now_ms = context.clock.wall_ms()](const coordinator::ListedTransactions& listed) mutable {
        response.error_code = listed.error;
        for (const coordinator::TransactionListing& each : listed.all)
          if (!wants_none && is_wanted(each, request, now_ms))
            response.transaction_states.push_back(
                {each.transactional_id, each.producer_id.value(), std::string(name(each.state))});
        reply.send(response);
      });
}

}  // namespace server::kafka
