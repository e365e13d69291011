// A request of librdkafka's admin interface.
#pragma once
#include "client/connection.h"

namespace client {

// Time limit for one request.
inline constexpr int kAdminTimeoutMs = 15'000;

// Calls `send(queue)`, which sends a request, and waits for the event with its answer.
template <class Send>
Result<Event> ask_admin(Connection& connection, Send&& send) {
  const Queue queue(rd_kafka_queue_new(connection.handle()));
  send(queue.get());
  Event event(rd_kafka_queue_poll(queue.get(), kAdminTimeoutMs));
  if (!event) return connection.no_answer(kAdminTimeoutMs);
  if (const rd_kafka_resp_err_t code = rd_kafka_event_error(event.get()))
    return kafka_failure(code, rd_kafka_event_error_string(event.get()));
  return event;
}

}  // namespace client
