// What the REST proxy answers, as Confluent's does.
#pragma once
#include <string>
#include <string_view>

#include "base/errors.h"
#include "server/http/message.h"

namespace server::http {

inline constexpr std::string_view kProxyJson = "application/vnd.kafka.v2+json";

// `code`: a status, or a status and two digits more.
Response proxy_error(int code, std::string_view message);
Response proxy_response(std::string json, int status = 200);

// The number for what a request to the log was refused with, and words for it.
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
