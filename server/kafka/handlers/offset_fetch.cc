#include <utility>

#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

namespace {

constexpr int16_t kFirstWithGroups = 8;      // requests of earlier versions have one group
constexpr int16_t kFirstWithGroupError = 2;  // in earlier versions each partition has the error

// The answer to a request. Answers are many times as large as their requests. So the next request
// of the connection begins only after this answer, when the size of the output is known.
struct Pending {
  PendingResponse<OffsetFetchResponse> answers;
  std::shared_ptr<AsideGate> connection;  // null: no connection

  void complete_one() {
    answers.complete_one();
    if (answers.left == 0 && connection) connection->leave();
  }
};

// Returns the request for the coordinator. It is a template because the two forms of OffsetFetch
// have the same topics in different types.
template <class Topics>
coordinator::FetchOffsets to_fetch(std::string group_id, std::optional<Topics>& topics,
                                   bool must_be_stable) {
  coordinator::FetchOffsets fetch;
  fetch.group_id = std::move(group_id);
  fetch.must_be_stable = must_be_stable;
  if (!topics) return fetch;
  fetch.topics.emplace();
  for (auto& each : *topics)
    fetch.topics->emplace_back(std::move(each.name), std::move(each.partition_indexes));
  return fetch;
}

template <class Topic>
void add_topics(std::vector<Topic>& to, coordinator::FetchedOffsets& fetched) {
  for (auto& [name, partitions] : fetched.topics) {
    Topic& topic = to.emplace_back();
    topic.name = std::move(name);
    for (auto& each : partitions) {
      auto& answer = topic.partitions.emplace_back();
      answer.partition_index = each.partition;
      answer.committed_offset = each.offset;
      answer.committed_leader_epoch = each.leader_epoch;
      answer.metadata = std::move(each.metadata);
      answer.error_code = each.error;
    }
  }
}

// Returns an answer with the error in each partition, because the answer of the first versions has
// no other field for an error.
coordinator::FetchedOffsets spread(const coordinator::FetchOffsets& asked, KafkaError error) {
  coordinator::FetchedOffsets fetched;
  for (const auto& [name, partitions] : *asked.topics) {
    auto& [answered, answers] = fetched.topics.emplace_back();
    answered = name;
    for (const int32_t partition : partitions)
      answers.push_back({.partition = partition, .error = error});
  }
  return fetched;
}

void fetch_of_one(HandlerContext& context, OffsetFetchRequest& request,
                  const std::shared_ptr<Pending>& pending) {
  coordinator::FetchOffsets fetch =
      to_fetch(std::move(request.group_id), request.topics, request.require_stable);
  const bool is_old = pending->answers.reply.version() < kFirstWithGroupError;
  if (is_old && !fetch.topics) fetch.topics.emplace();
  ++pending->answers.left;
  context.backend.groups().ask(
      fetch, [pending, is_old, asked = is_old ? fetch : coordinator::FetchOffsets()](
                 coordinator::FetchedOffsets fetched) {
        pending->answers.response.error_code = fetched.error;
        if (is_old && fetched.error != KafkaError::None) fetched = spread(asked, fetched.error);
        add_topics(pending->answers.response.topics, fetched);
        pending->complete_one();
      });
}

void fetch_of_many(HandlerContext& context, OffsetFetchRequest& request,
                   const std::shared_ptr<Pending>& pending) {
  pending->answers.response.groups.resize(request.groups.size());
  for (size_t i = 0; i < request.groups.size(); ++i) {
    OffsetFetchRequest::Group& group = request.groups[i];
    pending->answers.response.groups[i].group_id = group.group_id;
    coordinator::FetchOffsets fetch =
        to_fetch(std::move(group.group_id), group.topics, request.require_stable);
    fetch.member_id = std::move(group.member_id);
    fetch.member_epoch = group.member_epoch;
    ++pending->answers.left;
    context.backend.groups().ask(
        std::move(fetch), [pending, i](coordinator::FetchedOffsets fetched) {
          OffsetFetchResponse::Group& answer = pending->answers.response.groups[i];
          answer.error_code = fetched.error;
          add_topics(answer.topics, fetched);
          pending->complete_one();
        });
  }
}

}  // namespace

void handle_offset_fetch(HandlerContext& context, OffsetFetchRequest request,
                         Reply<OffsetFetchResponse> reply) {
  auto pending = std::make_shared<Pending>(Pending{{{}, reply}, context.aside});
  if (pending->connection) ++pending->connection->under_way;
  if (reply.version() < kFirstWithGroups)
    fetch_of_one(context, request, pending);
  else
    fetch_of_many(context, request, pending);
  pending->complete_one();
}

}  // namespace server::kafka
