#include "server/http/rest/sql_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/formats/json/json_tree.h"
#include "server/http/console/audit.h"
#include "server/net/tls.h"

namespace server::http {

namespace {

using engine::JsonKind;
using engine::JsonTree;

// Reading a body of this size is cheaper than two switches to another thread.
constexpr size_t kMostBodyOnLoop = 64 * 1024;
// Interval at which a line is sent if no rows are sent: proxies close an answer in which nothing is
// sent for a minute, and a page shows its data as outdated after 30 s without a line.
constexpr int64_t kBeatUs = 15'000'000;
// Limit for the bytes that one call passes to the responder (a single line may be longer). With
// small pieces, the responder reports early that its client does not read.
constexpr size_t kPieceBytes = 32 * 1024;
constexpr std::string_view kNdjson = "application/x-ndjson";

Error unreadable_body(std::string message) {
  return Error{ErrorCode::ProtocolViolation, std::move(message), {}, R"(Send {"sql":"SELECT 1"}.)"};
}

bool is_from_curl(const Request& request) {
  return request.header("user-agent").starts_with("curl/");
}

Status read_texts(std::string_view name, const JsonTree& object,
                  std::map<std::string, std::string>& to) {
  if (object.kind != JsonKind::Object)
    return unreadable_body(fmt::format("\"{}\" is not an object", name));
  for (const auto& [key, value] : object.members) {
    if (value.kind == JsonKind::Boolean)
      to[key] = value.boolean ? "true" : "false";
    else if (value.kind == JsonKind::String || value.kind == JsonKind::Number)
      to[key] = value.text;
    else
      return unreadable_body(
          fmt::format("\"{}.{}\" is neither a string nor a number nor a boolean", name, key));
  }
  return {};
}

Result<uint64_t> read_max_rows(const JsonTree& value) {
  uint64_t rows = 0;
  const char* const end = value.text.data() + value.text.size();
  const auto parsed = std::from_chars(value.text.data(), end, rows);
  // The largest allowed value is UINT32_MAX - 1: one more row is read to find out whether the
  // result has more rows, and their number must fit 32 bits.
  if (value.kind == JsonKind::Number && parsed.ec == std::errc{} && parsed.ptr == end &&
      rows >= 1 && rows < UINT32_MAX)
    return rows;
  return unreadable_body("\"max_rows\" is not a whole number from 1 to 4294967294");
}

}  // namespace

Result<SqlBody> read_sql_body(std::string_view text) {
  const auto parsed = engine::parse_json_tree(text);
  if (!parsed) return unreadable_body("the body of the request is " + parsed.error().message);
  if (parsed->kind != JsonKind::Object)
    return unreadable_body("the body of the request is not a JSON object");
  SqlBody body;
  bool has_sql = false;
  for (const auto& [name, value] : parsed->members) {
    if (name == "sql") {
      if (value.kind != JsonKind::String) return unreadable_body("\"sql\" is not a string");
      body.sql = value.text;
      has_sql = true;
    } else if (name == "settings") {
      TRY(read_texts(name, value, body.settings));
    } else if (name == "variables") {
      TRY(read_texts(name, value, body.variables));
    } else if (name == "max_rows") {
      body.max_rows = TRY(read_max_rows(value));
    } else if (name == "together") {
      if (value.kind != JsonKind::Boolean) return unreadable_body("\"together\" is not a boolean");
      body.is_together = value.boolean;
    } else {
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("the body of the request has an unknown member \"{}\"", name),
                   {},
                   "The members are sql, settings, variables, max_rows and together."};
    }
  }
  if (!has_sql) return unreadable_body("the body of the request has no member \"sql\"");
  return body;
}

// A script, its session and its lines.
struct SqlStream::Script final : SqlLines::Events {
  Script(SqlStream& stream, SqlLines::Options options)
      : owner(stream), lines(*this, stream.context_.clock, options) {}

  // Sends lines while the responder accepts them. Only whole lines are sent, because lines of other
  // scripts may follow.
  void send() {
    Responder& responder = owner.context_.responder;
    for (;;) {
      if (sent == waiting.size()) {
        waiting = session ? session->take_output() : std::string();
        sent = 0;
        charge.resize(waiting.capacity());
        if (waiting.empty()) return;
      }
      if (responder.is_full()) return;
      const size_t size = piece_size(std::string_view(waiting).substr(sent));
      responder.write(std::string_view(waiting).substr(sent, size));
      sent += size;
    }
  }
  static size_t piece_size(std::string_view text) {
    if (text.size() <= kPieceBytes) return text.size();
    size_t newline = text.rfind('\n', kPieceBytes - 1);
    if (newline == text.npos) newline = text.find('\n', kPieceBytes);
    return newline == text.npos ? text.size() : newline + 1;
  }
  bool has_waiting() const { return sent < waiting.size(); }
  bool is_over() const { return !session && !has_waiting(); }

  std::string begin_query(std::string_view source, sql::RowsKind kind) override {
    OpenQueries& queries = owner.pages_.queries;
    std::string id = fmt::format("transient_{}_{}", source, queries.next_number());
    if (kind == sql::RowsKind::Changes)
      open.emplace(queries, id, owner.callback_.on(owner.context_.loop, [stream = &owner, id] {
        stream->close(id);
      }));
    return id;
  }
  void end_query() override { open.reset(); }
  void on_failure(const Error& error) override {
    log_if_denied(owner.pages_, owner.context_, owner.request_.user, error);
  }

  SqlStream& owner;
  std::optional<OpenQueries::Entry> open;  // set while the result of a push query is sent
  SqlLines lines;
  std::string waiting;  // output of the session that is not sent yet
  size_t sent = 0;      // number of bytes of `waiting` that are sent
  MemoryCharge charge{owner.context_.memory, MemoryKind::Results};
  std::unique_ptr<sql::ScriptSession> session;  // null when the script is over
};

struct SqlStream::Reading {
  std::string text;
  Result<SqlBody> body = SqlBody();
};

SqlStream::SqlStream(const SqlPages& pages, Request request, const ExchangeContext& context)
    : pages_(pages),
      context_(context),
      request_(std::move(request)),
      charge_(context.memory, MemoryKind::Statements) {}

SqlStream::~SqlStream() = default;

void SqlStream::run() {
  if (!std::exchange(has_begun_, true)) read();
  if (!has_head_ || is_over_) return;
  // An index is used, because open_others() and step() may add scripts to the vector.
  for (size_t i = 0; i < scripts_.size(); ++i) step(*scripts_[i]);
  open_others();
  send_beat();
  if (!std::ranges::all_of(scripts_, [](const auto& each) { return each->is_over(); })) return;
  is_over_ = true;
  context_.responder.end();
}

void SqlStream::read() {
  auto reading = std::make_shared<Reading>();
  reading->text = std::move(request_.body);
  if (!charge_.try_resize(3 * reading->text.size()))
    return refuse(context_.memory->refusal("a request of " + format_bytes(reading->text.size())),
                  503);
  if (reading->text.size() <= kMostBodyOnLoop) return begin(read_sql_body(reading->text));
  auto opened =
      pages_.backends[context_.shard]->open_session(session_info(request_, context_), settings_);
  if (!opened) return refuse(opened.error(), 503);
  reader_ = std::move(opened).take();
  errand_ = reader_->run_aside(
      reading->text.size(),
      [reading](const std::atomic<bool>&) { reading->body = read_sql_body(reading->text); },
      [this, reading] {
        begin(std::move(reading->body));
        context_.responder.wake();
      });
  if (!errand_) refuse(too_much_waiting(), 503);
}

void SqlStream::begin(Result<SqlBody> body) {
  if (!body) return refuse(body.error(), 400);
  body_ = std::move(body).take();
  has_head_ = true;
  context_.responder.begin({.content_type = std::string(kNdjson)});
  beat_us_ = context_.clock.monotonic_us() + kBeatUs;
  open_script(body_.is_together ? std::optional<size_t>(0) : std::nullopt);
}

void SqlStream::open_script(std::optional<size_t> index) {
  Script& script = *scripts_.emplace_back(std::make_unique<Script>(
      *this, SqlLines::Options{body_.max_rows, index, is_from_curl(request_)}));
  sql::ScriptRequest request;
  request.text = body_.sql;
  request.settings = body_.settings;
  request.variables = body_.variables;
  request.user = request_.user;
  request.application_name = "http";
  // The port of the client is unknown, so the address ends with a colon.
  if (context_.channel) request.peer = fmt::format("[{}]:", context_.channel->peer_host);
  request.has_rights_of_user = request_.has_rights_of_user;
  request.is_read_only = request_.is_read_only;
  request.on_change = audit_of(request_, context_.channel);
  request.memory = context_.memory;
  request.open_queries = context_.open_queries;
  auto opened = pages_.open_script(
      context_.shard, [this] { context_.responder.wake(); }, request, script.lines);
  if (opened) {
    script.session = std::move(opened).take();
    return;
  }
  std::string line;
  script.lines.fail(line, opened.error(), {});
  context_.responder.write(line);
}

// The other scripts are opened when the first script has parsed the text, because their number is
// unknown before.
void SqlStream::open_others() {
  if (!body_.is_together || scripts_.size() > 1) return;
  const size_t count = scripts_.front()->lines.statement_count();
  if (count > kMostTogether) return;  // the first script returns the error for too many statements
  for (size_t index = 1; index < count; ++index) open_script(index);
  if (count > 1) context_.responder.wake();
}

void SqlStream::step(Script& script) {
  script.send();
  if (!script.session) return;
  script.session->set_output_full(script.has_waiting() || context_.responder.is_full());
  script.session->run();
  script.send();
  if (!script.session->is_over() || script.has_waiting()) return;
  script.session.reset();
  script.open.reset();
}

void SqlStream::send_beat() {
  const int64_t now_us = context_.clock.monotonic_us();
  if (now_us < beat_us_) return;
  beat_us_ = now_us + kBeatUs;
  if (context_.responder.is_full()) return;
  const bool has_caught_up = std::ranges::all_of(
      scripts_, [](const auto& each) { return !each->session || each->session->has_caught_up(); });
  context_.responder.write(beat_line(has_caught_up));
}

std::optional<int64_t> SqlStream::deadline_us() const {
  if (!has_head_ || is_over_) return std::nullopt;
  int64_t earliest = beat_us_;
  for (const auto& script : scripts_)
    if (const auto at_us = script->session ? script->session->deadline_us() : std::nullopt)
      earliest = std::min(earliest, *at_us);
  return earliest;
}

void SqlStream::close(const std::string& id) {
  for (const auto& script : scripts_) {
    if (!script->session || !script->open || script->open->id() != id) continue;
    script->waiting.erase(0, std::exchange(script->sent, 0));
    script->waiting += script->session->take_output();
    script->session.reset();
    script->lines.fail(script->waiting,
                       {ErrorCode::QueryCanceled, "canceling statement due to user request"}, {});
    return context_.responder.wake();
  }
}

void SqlStream::shut_down(const Error& reason) {
  for (const auto& script : scripts_)
    if (script->session) script->session->shut_down(reason);
}

void SqlStream::refuse(const Error& error, int status) {
  is_over_ = true;
  context_.responder.answer(
      {{.status = status, .content_type = std::string(kNdjson)}, error_line(error, {}, 0)});
}

}  // namespace server::http
