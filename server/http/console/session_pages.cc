#include "server/http/console/session_pages.h"

#include <utility>

#include "engine/formats/json/json_tree.h"
#include "engine/json/json_writer.h"
#include "server/http/body_fields.h"
#include "server/http/console/audit.h"

namespace server::http {

namespace {

// The body of POST /session.
struct LoginBody {
  std::optional<Credentials> credentials = {};
  std::optional<bool> look_only = {};
};
Result<LoginBody> read_login(std::string_view text) {
  const auto body = engine::parse_json_tree(text);
  if (!body || body->kind != engine::JsonKind::Object)
    return Error{ErrorCode::ProtocolViolation,
                 "the body of the request is not a JSON object such as "
                 "{\"user\": \"ann\", \"password\": \"...\"}"};
  constexpr std::string_view kNames[] = {"user", "password", "look_only"};
  if (std::string unknown = unrecognized_field(*body, kNames, UnknownFields::Refused);
      !unknown.empty())
    return Error{ErrorCode::ProtocolViolation, std::move(unknown)};
  LoginBody login;
  if (body->find("user") != nullptr)
    login.credentials = Credentials{body->text_of("user"), body->text_of("password")};
  if (const auto* look_only = body->find("look_only")) login.look_only = look_only->boolean;
  return login;
}

Result<std::optional<Credentials>> credentials_of_login(const Sessions& sessions,
                                                        const Request& request,
                                                        const Channel* channel) {
  std::optional<Credentials> credentials = TRY(read_login(request.body)).credentials;
  if (credentials && channel != nullptr && !sessions.may_send_password(*channel))
    return Error{ErrorCode::InvalidAuthorization,
                 "passwords are not accepted over plain HTTP from another machine; use https:// "
                 "(--tls-cert), or start the server with --insecure"};
  return credentials;
}

void add_server(engine::JsonWriter& json, const ConsoleServer& server) {
  json.key("server");
  json.begin_object();
  json.member("id", server.id);
  json.member("version", MILLRACE_VERSION);
  json.key("node");
  server.node ? json.number(*server.node) : json.null();
  json.end_object();
  json.key("listeners");
  json.begin_object();
  for (const auto& [protocol, addresses] : server.listeners) {
    json.key(protocol);
    json.begin_array();
    for (const std::string& address : addresses) json.text(address);
    json.end_array();
  }
  json.end_object();
}

class SessionPages {
 public:
  explicit SessionPages(SessionView view) : view_(std::move(view)) {}

  // Returns the session of a request that the guard has admitted; nothing if the request has no
  // cookie.
  std::optional<Sessions::Found> found(const Request& request,
                                       const ExchangeContext& context) const {
    if (context.channel == nullptr) return std::nullopt;
    const auto cookie = view_.sessions.cookie_of(request, *context.channel);
    if (!cookie) return std::nullopt;
    return view_.sessions.find(*cookie, *context.channel, context.clock.monotonic_us());
  }

  void get(const Request& request, const ExchangeContext& context) const {
    context.responder.answer(state(request, found(request, context)));
  }

  void post(const Request& request, const ExchangeContext& context) const {
    const auto login = read_login(request.body);
    if (!login)
      return context.responder.answer(
          error_response(error_code::kBadRequest, login.error().message));
    const auto before = found(request, context);
    std::optional<Sessions::Found> session = before;
    std::vector<Header> headers;
    const int64_t now_us = context.clock.monotonic_us();
    if (!session || login->credentials) {
      // A login always begins a new session. The cookie of the present session may be known to
      // another user of the browser.
      if (before) view_.sessions.end(before->key);
      const std::string user = request.has_rights_of_user ? request.user : std::string();
      const std::string cookie = view_.sessions.begin(user, *context.channel, now_us);
      headers.push_back(view_.sessions.set_cookie(cookie, *context.channel));
      session = view_.sessions.find(cookie, *context.channel, now_us);
      if (!session)  // the user was dropped during the check of the password
        return context.responder.answer(error_response(40100, "wrong user or password"));
      audit("login", request, context, session->name);
    }
    if (login->look_only) {
      view_.sessions.set_look_only(session->key, *login->look_only);
      session->is_look_only = *login->look_only;
    }
    Response response = state(request, session);
    for (Header& header : headers) response.head.headers.push_back(std::move(header));
    context.responder.answer(std::move(response));
  }

  void end(const Request& request, const ExchangeContext& context) const {
    if (const auto session = found(request, context)) {
      view_.sessions.end(session->key);
      audit("logout", request, context, session->name);
    }
    Response response{.head = {.status = 204, .content_type = ""}, .body = {}};
    response.head.headers = {{"cache-control", "no-store"},
                             view_.sessions.clear_cookie(*context.channel)};
    context.responder.answer(std::move(response));
  }

 private:
  void audit(std::string_view event, const Request& request, const ExchangeContext& context,
             std::string_view session) const {
    write_audit({.event = event,
                 .user = request.has_rights_of_user ? request.user : std::string_view(),
                 .session = session,
                 .channel = context.channel,
                 .ring = view_.sessions.audit_ring()});
  }

  Response state(const Request& request, const std::optional<Sessions::Found>& session) const {
    const bool is_anonymous = !request.has_rights_of_user;
    const bool is_look_only = session && session->is_look_only;
    engine::JsonWriter json;
    json.begin_object();
    json.key("user");
    is_anonymous ? json.null() : json.text(request.user);
    json.member("anonymous", is_anonymous);
    json.member("session", session.has_value());
    json.member("read_only", is_look_only || view_.sessions.is_read_only());
    json.member("look_only", is_look_only);
    const ConsoleRights rights =
        is_anonymous ? ConsoleRights{true, true, true, true} : view_.rights(request.user);
    json.key("privileges");
    json.begin_object();
    json.member("superuser", rights.is_superuser);
    json.member("all", rights.has_all);
    json.member("create", rights.may_create);
    json.member("connectors", rights.may_connect);
    json.end_object();
    add_server(json, view_.server());
    json.end_object();
    Response response = json_response(json.take());
    response.head.headers.push_back({"cache-control", "no-store"});
    return response;
  }

  const SessionView view_;
};

}  // namespace

void add_session_pages(Routes& routes, const SessionView& view) {
  const auto pages = std::make_shared<const SessionPages>(view);  // shared by the handlers
  const auto add = [&](const char* method, auto act, ReadCredentials credentials) {
    routes.add({.method = method,
                .path = "/session",
                .handler = [pages, act](const Request& request, const ExchangeContext& context)
                    -> std::unique_ptr<Exchange> {
                  ((*pages).*act)(request, context);
                  return nullptr;
                },
                .credentials = std::move(credentials),
                .effect = RouteEffect::Reads});
  };
  const auto none = [](const Request&, const Channel*) -> Result<std::optional<Credentials>> {
    return std::optional<Credentials>();
  };
  add("GET", &SessionPages::get, none);
  add("DELETE", &SessionPages::end, none);
  add("POST", &SessionPages::post,
      [&sessions = view.sessions](const Request& request, const Channel* channel) {
        return credentials_of_login(sessions, request, channel);
      });
}

}  // namespace server::http
