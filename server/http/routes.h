// Maps a request to its handler.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/http/exchange.h"

namespace server::http {

struct Credentials {
  std::string user, password;
};
// Reads the credentials in a request of the console. Returns nothing if the request has no credentials; it may then
// have a cookie. Fails with ProtocolViolation for an invalid request, and with InvalidAuthorization if passwords must
// not be sent over this channel.
using ReadCredentials =
    std::function<Result<std::optional<Credentials>>(const Request&, const Channel*)>;

enum class BodyUse : uint8_t {
  Whole,     // the handler gets the complete request
  InPieces,  // the handler gets the head; Exchange::on_body() gets the body
};

// The effect of a request, for sessions of the console that may only read.
enum class RouteEffect : uint8_t {
  ByMethod,    // a GET changes nothing; a request with another method changes something
  Reads,       // the request changes nothing, whatever its method
  Statements,  // the SQL session of the request checks and audits each statement
  Rows,        // the SQL session checks each row; the request is audited as one change
};

struct Route {
  std::string method;
  std::string path;  // "/status/{type}/{entity}/{action}": a part in braces matches any part
  Handler handler = {};
  BodyUse body = BodyUse::Whole;
  // Only users with rights on everything may use the route. Set for handlers that do not check
  // rights on single topics.
  bool needs_all_rights = false;
  // Whether users with write access to the topic of the subject, which is the first name in the
  // path, may use the route, too.
  bool is_for_writers_of_subject = false;
  // Every client may use the route, because it shows no data: health, and the files of the console.
  bool is_public = false;
  // Set for /session, whose requests have their credentials in the body and not in the
  // Authorization header. If a request has no credentials, the answer has no WWW-Authenticate
  // header.
  ReadCredentials credentials = {};
  RouteEffect effect = RouteEffect::ByMethod;
};

// Threads: any; the routes do not change once requests arrive.
class Routes {
 public:
  void add(Route route) { routes_.push_back(std::move(route)); }

  // Takes over all routes of `others`, which then admit only users with rights on everything.
  void add_for_all_rights(Routes others) {
    for (Route& route : others.routes_) {
      route.needs_all_rights = true;
      routes_.push_back(std::move(route));
    }
  }

  // Replaces the handler of each route.
  void wrap(const std::function<Handler(const Route&)>& make) {
    for (Route& route : routes_) route.handler = make(route);
  }

  struct Match {
    const Route* route = nullptr;         // null: no route has the path
    std::vector<std::string> parameters;  // parameters in the path of the route
    std::string allowed;  // "GET, HEAD": the allowed methods if the method does not match
  };
  // Finds the route of a request. A route for GET also serves HEAD, and a slash at the end of the
  // path makes no difference. `encoded_path` is percent-encoded as received; parameters are
  // decoded.
  Match find(std::string_view method, std::string_view encoded_path) const;
  // Returns the answer to a request without a route.
  Response refusal(const Match& match, std::string_view method, std::string_view path) const;

  // Returns an error in the form that the clients of these routes read; `code` is a status followed
  // by two digits.
  Response error(int code, std::string_view message) const { return make_error_(code, message); }

  // Builds an error from a status followed by two digits, as error_response() does.
  using ErrorMaker = std::function<Response(int code, std::string_view message)>;
  explicit Routes(ErrorMaker make_error = error_response) : make_error_(std::move(make_error)) {}

 private:
  // Returns the path that a mistyped path probably means; empty if none is near enough.
  std::string nearest_path(std::string_view path) const;

  ErrorMaker make_error_;
  std::vector<Route> routes_;
};

}  // namespace server::http
