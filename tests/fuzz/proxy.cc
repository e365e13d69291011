// Fuzz target: requests to the REST proxy, one after the other: a line with method, path and the format of its content
// type, then the body, up to a zero byte. Each is answered in JSON, with a status that belongs to its error number; and
// consumers receive the values that were produced as JSON.
#include <algorithm>
#include <cassert>

#include "base/log.h"
#include "engine/formats/json/json_tree.h"
#include "tests/server/http/proxy_api.h"

using namespace server::http;

namespace {

// Returns whether the text can be a part of a request line or of a header.
bool is_sendable(std::string_view text) {
  return !text.empty() && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f;
  });
}

std::string_view take_word(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(line.size(), word.size() + 1));
  return word;
}

// Checks that the answer to a stream of records has one line for each record.
void check_answer(std::string_view path, const std::string& answer) {
  if (answer.empty()) return;  // the request waits for records that never arrive
  path = path.substr(0, path.find('?'));
  std::string_view body = std::string_view(answer).substr(4);
  if (answer.starts_with("204")) return;
  const bool is_stream = path.ends_with("/records") && path.starts_with("/v3/");
  for (size_t lines = 0; !body.empty() || lines == 0; ++lines) {
    const std::string_view line = is_stream ? body.substr(0, body.find('\n')) : body;
    body.remove_prefix(std::min(body.size(), line.size() + 1));
    const auto tree = engine::parse_json_tree(line);
    assert(tree);
    const engine::JsonTree* code = tree->find("error_code");
    if (answer[0] == '2') continue;
    assert(code && code->text.substr(0, 3) == answer.substr(0, 3));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  set_log_level(LogLevel::Error);
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  ProxyApi api;
  api.backend.create_topic("t", 2, {}, {}, [](const Result<storage::TopicInfo>&) {});
  for (int count = 0; count < 12 && !rest.empty(); ++count) {
    const std::string_view request = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(rest.size(), request.size() + 1));
    std::string_view line = request.substr(0, request.find('\n'));
    const std::string_view body = request.substr(std::min(request.size(), line.size() + 1));
    const std::string_view method = take_word(line), path = take_word(line);
    const std::string_view format = line.empty() ? "json" : take_word(line);
    constexpr std::string_view kMethods[] = {"GET", "POST", "PUT", "DELETE"};
    if (std::ranges::find(kMethods, method) == std::end(kMethods) || !path.starts_with('/') ||
        !is_sendable(path) || path.size() > 4000 || !is_sendable(format) || format.size() > 100)
      continue;
    check_answer(path, api.v2(method, path, body, format));
  }
  const std::string marked = R"({"records":[{"value":{"the":"last"},"partition":0}]})";
  assert(api.v2("POST", "/topics/t", marked).starts_with("200") ||
         !api.backend.topics()->find("t"));
  return 0;
}
