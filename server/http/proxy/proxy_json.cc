#include "server/http/proxy/proxy_json.h"

#include <fmt/format.h>

#include "engine/json/json_writer.h"

namespace server::http {

namespace {

struct ProblemRow {
  int16_t kafka;
  int code;
  std::string_view message;
};
// Kafka errors that a client of the proxy can handle; the code of all others is 50002.
constexpr ProblemRow kProblems[] = {
    {3, 40403, "This server does not host this topic-partition."},
    {5, 50003, "There is no leader for this topic-partition just now."},
    {6, 50003, "Another node leads this topic-partition."},
    {7, 50003, "The request timed out."},
    {10, 41301, "The record is larger than the topic lets one be."},
    {14, 50003, "The coordinator is loading."},
    {15, 50003, "The coordinator is not available."},
    {16, 50003, "The coordinator is another one now."},
    {17, 40002, "The topic's name, or what was asked of it, is not valid."},
    {19, 50003, "There are not enough replicas in sync."},
    {20, 50003, "There were not enough replicas in sync when the record was written."},
    {24, 40002, "The group's name is not valid."},
    {36, 40002, "Topic already exists."},
    {37, 40002, "The number of partitions is not valid."},
    {38, 40002, "The replication factor is not valid."},
    {40, 40002, "The configuration is not valid."},
    {41, 50003, "Another node is the controller."},
    {42, 40002, "The request is not valid."},
    {44, 40301, "This is not allowed here."},
    {56, 50003, "The disk of this topic-partition fails."},
    {69, 40403, "The group id does not exist."},
    {74, 50003, "The leader has changed."},
    {75, 50003, "The leader is not known yet."},
    {87, 42206, "The record is refused by its topic."},
};

}  // namespace

Response proxy_response(std::string json, int status) {
  return {{.status = status, .content_type = std::string(kJson)}, std::move(json)};
}

Response proxy_error(int code, std::string_view message) {
  engine::JsonWriter json;
  json.begin_object();
  json.member("error_code", int64_t{code});
  json.member("message", message);
  json.end_object();
  return proxy_response(json.take(), code > 999 ? code / 100 : code);
}

ProxyProblem problem_of(KafkaError error, std::string_view message) {
  for (const ProblemRow& row : kProblems)
    if (row.kafka == static_cast<int16_t>(error))
      return {row.code, std::string(message.empty() ? row.message : message)};
  return {50002, message.empty() ? fmt::format("Kafka error {}", static_cast<int>(error))
                                 : std::string(message)};
}

}  // namespace server::http
