#include "client/group_reader.h"

#include <algorithm>
#include <utility>

namespace client {

namespace {}  // namespace

Result<GroupReader> GroupReader::open(Connection::Settings settings, bool from_beginning) {
  if (from_beginning)
    settings.properties["auto.offset.reset"] = "earliest";
  else
    settings.properties.try_emplace("auto.offset.reset", "latest");
  const Properties defaults{{"enable.partition.eof", "true"},
                            {"allow.auto.create.topics", "true"},
                            {"isolation.level", "read_uncommitted"}};
  GroupReader reader(TRY(Connection::open(RD_KAFKA_CONSUMER, settings, defaults)));
  rd_kafka_poll_set_consumer(reader.connection_.handle());
  return reader;
}

GroupReader::~GroupReader() {
  forget_messages();
  if (connection_.handle()) rd_kafka_consumer_close(connection_.handle());
}

Status GroupReader::subscribe(const std::vector<std::string>& topics) {
  const PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(topics.size())));
  for (const std::string& topic : topics)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  if (const auto code = rd_kafka_subscribe(connection_.handle(), list.get()))
    return kafka_failure(code);
  return {};
}

void GroupReader::forget_messages() {
  for (rd_kafka_message_t* message : messages_) rd_kafka_message_destroy(message);
  messages_.clear();
}

Result<std::span<rd_kafka_message_t* const>> GroupReader::read(int wait_ms, size_t most) {
  constexpr size_t kMostAtOnce = 1'000;
  forget_messages();
  connection_.warn_if_lost();
  while (messages_.size() < std::min(most, kMostAtOnce)) {
    rd_kafka_message_t* message =
        rd_kafka_consumer_poll(connection_.handle(), messages_.empty() ? wait_ms : 0);
    if (!message) break;
    const Result<bool> kept = is_record(*message);
    if (kept && *kept) {
      messages_.push_back(message);
      continue;
    }
    Error error = kept ? Error{ErrorCode::Internal, ""} : kept.error();
    rd_kafka_message_destroy(message);
    if (!kept) return error;
    if (messages_.empty()) break;  // lets the caller check has_reached_ends()
  }
  return std::span<rd_kafka_message_t* const>(messages_);
}

Result<bool> GroupReader::is_record(const rd_kafka_message_t& message) {
  switch (message.err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return true;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      ended_.emplace(rd_kafka_topic_name(message.rkt), message.partition);
      return false;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      return false;  // reading resumes when the server or topic is available
    default:
      return kafka_failure(message.err, rd_kafka_message_errstr(&message));
  }
}

bool GroupReader::has_reached_ends() const {
  rd_kafka_topic_partition_list_t* assigned = nullptr;
  if (rd_kafka_assignment(connection_.handle(), &assigned) || !assigned) return false;
  const PartitionList list(assigned);
  for (int i = 0; i < list->cnt; ++i)
    if (!ended_.contains({list->elems[i].topic, list->elems[i].partition})) return false;
  return list->cnt > 0;
}

}  // namespace client
