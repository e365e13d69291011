// Fuzz target: requests to the schema registry, one after the other: a line with method and path, then the body, up to
// a zero byte. Each is answered in JSON, with a status that belongs to its error number; a client that registers a
// schema again gets the same id; and a registry that is rebuilt from the recorded changes gives the same answers.
#include <cassert>

#include "base/log.h"
#include "engine/formats/json/json_tree.h"
#include "tests/server/http/registry_api.h"

using namespace server::http;

namespace {

// Returns whether the text can be a part of a request line.
bool is_sendable(std::string_view text) {
  return !text.empty() && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f;
  });
}

void check_answer(std::string_view path, const std::string& answer) {
  assert(answer.size() >= 4);
  const std::string_view body = std::string_view(answer).substr(4);
  path = path.substr(0, path.find('?'));
  if (answer[0] == '2' && path.ends_with("/schema")) return;  // the answer is the schema itself
  const auto tree = engine::parse_json_tree(body);
  assert(tree);
  if (answer[0] == '2') return;
  const std::string code = tree->find("error_code")->text;
  assert(code.substr(0, 3) == answer.substr(0, 3));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  set_log_level(LogLevel::Error);
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  RegistryApi api;
  for (int count = 0; count < 20 && !rest.empty(); ++count) {
    const std::string_view request = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(rest.size(), request.size() + 1));
    const std::string_view line = request.substr(0, request.find('\n'));
    const std::string_view body = request.substr(std::min(request.size(), line.size() + 1));
    const std::string_view method = line.substr(0, line.find(' '));
    const std::string_view path = line.substr(std::min(line.size(), method.size() + 1));
    constexpr std::string_view kMethods[] = {"GET", "POST", "PUT", "DELETE"};
    if (std::ranges::find(kMethods, method) == std::end(kMethods) || !path.starts_with('/') ||
        !is_sendable(path) || path.size() > 4000)
      continue;
    const std::string answer = api.ask(method, path, body);
    if (api.client.session.is_over()) return 0;  // the input was not a valid path
    check_answer(path, answer);
    if (method == "POST" && path.starts_with("/subjects") && path.ends_with("/versions") &&
        answer.starts_with("200"))
      assert(api.ask(method, path, body) == answer);
  }
  RegistryApi again;
  again.registry.apply(api.registry.snapshot());
  for (const char* path : {"/schemas?deleted=true", "/subjects?deleted=true", "/config", "/mode"})
    assert(again.ask("GET", path) == api.ask("GET", path));
  return 0;
}
