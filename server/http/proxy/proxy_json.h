// Answers of the REST proxy in Confluent's form.
#pragma once
#include <string>
#include <string_view>

#include "base/errors.h"
#include "server/http/message.h"

namespace server::http {

inline constexpr std::string_view kProxyJson = "application/vnd.kafka.v2+json";

// Returns an error answer; `code` is a status, or a status followed by two digits.
Response proxy_error(int code, std::string_view message);
Response proxy_response(std::string json, int status = 200);

// The error number and message for a request that the Kafka side refused.
struct ProxyProblem {
  int code = 0;
  std::string message;
};
ProxyProblem problem_of(KafkaError error, std::string_view message = {});
inline Response proxy_error(KafkaError error, std::string_view message = {}) {
  const ProxyProblem problem = problem_of(error, message);
  return proxy_error(problem.code, problem.message);
}

}  // namespace server::http
