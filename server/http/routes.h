// Which handler a request is for.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "server/http/exchange.h"

namespace server::http {

enum class BodyUse : uint8_t {
  Whole,     // the handler gets the request when all of it is there
  InPieces,  // and here when its head is; the body comes through Exchange::on_body()
};

struct Route {
  std::string method;
  std::string path;  // "/status/{type}/{entity}/{action}": a part in braces stands for any one
  Handler handler;
  BodyUse body = BodyUse::Whole;
  // Only for users with rights on everything, where there are users: rights on single topics are not told apart here.
  bool needs_all_rights = false;
  // Or who may write the topic that the first name in the path is a registry's subject of.
  bool is_for_writers_of_subject = false;
};

// Threads: any; it does not change once requests come.
class Routes {
 public:
  void add(Route route) { routes_.push_back(std::move(route)); }

  // Takes over all of others, for users with rights on everything.
  void add_for_all_rights(Routes others) {
    for (Route& route : others.routes_) {
      route.needs_all_rights = true;
      routes_.push_back(std::move(route));
    }
  }

  // Puts another handler in the place of each.
  void wrap(const std::function<Handler(const Route&)>& make) {
    for (Route& route : routes_) route.handler = make(route);
  }

  struct Match {
    const Route* route = nullptr;         // null: there is none
    std::vector<std::string> parameters;  // of its path
    std::string allowed;  // "GET, HEAD": the methods that there are when it is another one's
  };
  // HEAD is for whoever has GET; a slash at the end makes no difference. The path is as it came, percent-encoded; what
  // stands for braces is decoded.
  Match find(std::string_view method, std::string_view encoded_path) const;
  // The answer to a request that has no route.
  Response refusal(const Match& match, std::string_view method, std::string_view path) const;

  // An error in the form that the clients of these routes read; `code` is the status and two digits more.
  Response error(int code, std::string_view message) const { return make_error_(code, message); }

  // How refusals are told: 404 and 405 with two digits more, as error_response() has them.
  using ErrorMaker = std::function<Response(int code, std::string_view message)>;
  explicit Routes(ErrorMaker make_error = error_response) : make_error_(std::move(make_error)) {}

 private:
  ErrorMaker make_error_;
  std::vector<Route> routes_;
};

}  // namespace server::http
