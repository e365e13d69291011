// The schema registry's API over a registry in memory, with a client.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "server/http/registry/registry_pages.h"
#include "tests/server/http/conversation.h"

namespace server::http {

struct RegistryApi {
  engine::SchemaRegistry registry;
  // Functions that run between the examination of a schema and its registration; each runs once.
  std::deque<std::function<void()>> interruptions;
  bool is_busy = false;
  bool holds_back = false;  // if set, examinations of schemas wait in `held`
  std::deque<std::function<void()>> held;
  int examined = 0;
  Conversation client{registry_routes(view(), "c1")};

  RegistryView view() {
    return {.registry = [this] { return registry; },
            .change =
                [this](const RegistryView::Change& change, const RegistryView::ChangeDone& done) {
                  if (!interruptions.empty()) {
                    interruptions.front()();
                    interruptions.pop_front();
                  }
                  const auto changes = change(registry);
                  if (!changes) return done(changes.error());
                  registry.apply(*changes);
                  done({});
                },
            .run_aside =
                [this](size_t, const std::function<void()>& work) {
                  if (is_busy) return false;
                  ++examined;
                  work();
                  return true;
                },
            .examine_aside =
                [this](size_t, const std::function<void()>& work) {
                  if (is_busy) return false;
                  ++examined;
                  if (holds_back)
                    held.push_back(work);
                  else
                    work();
                  return true;
                }};
  }

  // Returns status and body of the answer.
  std::string ask(std::string_view method, std::string_view path, std::string_view body = "",
                  std::string_view headers = "") {
    std::string said =
        client.say(fmt::format("{} {} HTTP/1.1\r\nHost: x\r\n{}Content-Length: {}\r\n\r\n{}",
                               method, path, headers, body.size(), body));
    if (said.empty()) {
      client.loop.post([this] { client.loop.stop(); });
      client.loop.run();
      said = client.listen();
    }
    head = said.substr(0, said.find("\r\n\r\n"));
    return head.substr(9, 3) + " " + said.substr(std::min(said.size(), head.size() + 4));
  }
  std::string head;
};

}  // namespace server::http
