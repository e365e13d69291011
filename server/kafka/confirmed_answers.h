// Answers about partitions that are valid only while this node leads them.
#pragma once
#include <cstdint>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "server/kafka/handler.h"

namespace server::kafka {

struct ToConfirm {
  storage::TopicPartition partition;
  size_t topic_index, index;  // position in the response
};

// Sends the response after the other replicas have confirmed that this node leads the partitions.
// The answer for an unconfirmed partition is replaced by `refusal(number of the partition)`. Until
// the confirmation arrives, the connection (if any) begins no other request. This bounds the memory
// of waiting answers.
template <class Response, class Refusal>
void send_confirmed(Backend& backend, std::shared_ptr<AsideGate> connection, Reply<Response> reply,
                    std::shared_ptr<Response> response, std::vector<ToConfirm> answers,
                    Refusal refusal) {
  if (answers.empty() || backend.leads_all()) return reply.send(*response);
  std::set<storage::TopicPartition> partitions;
  for (const ToConfirm& each : answers) partitions.insert(each.partition);
  if (connection) ++connection->under_way;
  backend.confirm_leads(std::move(partitions),
                        [connection, reply, response, answers = std::move(answers),
                         refusal](const Backend::ConfirmedLeaders& confirmed) {
                          for (const ToConfirm& each : answers)
                            if (!confirmed.contains(each.partition))
                              response->topics[each.topic_index].partitions[each.index] =
                                  refusal(each.partition.partition.value());
                          reply.send(*response);
                          if (connection) connection->leave();
                        });
}

}  // namespace server::kafka
