#include "server/etcd/gateway_messages.h"

#include <absl/strings/escaping.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>

namespace server {

namespace {

using simdjson::dom::element;
using simdjson::dom::object;
using storage::EtcdEntry;
using storage::EtcdEvent;
using storage::EtcdRevision;

// Converts the view: Debian's abseil has a string_view of its own.
absl::string_view view(std::string_view text) { return {text.data(), text.size()}; }

std::string base64(std::string_view bytes) { return absl::Base64Escape(view(bytes)); }

Error not_understood(std::string_view what) {
  return {ErrorCode::NetworkFailure, fmt::format("this is not an answer of etcd: {}", what)};
}

// A JSON document together with its parser, which owns it.
class Document {
 public:
  static Result<Document> parse(std::string_view body) {
    Document document;
    const auto error = document.parser_->parse(body.data(), body.size(), true).get(document.root_);
    if (error) return not_understood(simdjson::error_message(error));
    return document;
  }
  const object& root() const { return root_; }

 private:
  std::unique_ptr<simdjson::dom::parser> parser_ = std::make_unique<simdjson::dom::parser>();
  object root_;
};

// A missing member of an object has its default value, because the gateway omits zeros, empty texts
// and false.
int64_t number(const object& from, std::string_view name) {
  std::string_view text;
  int64_t value = 0;
  const auto member = from[name];
  if (member.get(text) == simdjson::SUCCESS)
    std::from_chars(text.data(), text.data() + text.size(), value);
  else if (member.get(value) != simdjson::SUCCESS)
    return 0;
  return value;
}

bool truth(const object& from, std::string_view name) {
  bool value = false;
  return from[name].get(value) == simdjson::SUCCESS && value;
}

Result<std::string> bytes(const object& from, std::string_view name) {
  std::string_view text;
  std::string value;
  if (from[name].get(text) != simdjson::SUCCESS) return value;
  if (!absl::Base64Unescape(view(text), &value))
    return not_understood("a string is not valid base64");
  return value;
}

Result<EtcdRevision> header_revision(const object& from) {
  object header;
  if (from["header"].get(header) != simdjson::SUCCESS)
    return not_understood("the answer has no header");
  return EtcdRevision{number(header, "revision")};
}

Result<EtcdEntry> entry(const object& from) {
  auto key = TRY(bytes(from, "key"));
  auto value = TRY(bytes(from, "value"));
  return EtcdEntry{std::move(key), std::move(value), EtcdRevision{number(from, "create_revision")},
                   EtcdRevision{number(from, "mod_revision")},
                   storage::EtcdLease{number(from, "lease")}};
}

Result<EtcdEvent> event(const object& from) {
  object pair;
  if (from["kv"].get(pair) != simdjson::SUCCESS) return not_understood("an event has no key");
  EtcdEntry found = TRY(entry(pair));
  EtcdEvent made{found.key, {}};
  std::string_view type;
  const bool is_removal = from["type"].get(type) == simdjson::SUCCESS && type == "DELETE";
  if (!is_removal) made.entry = std::move(found);
  return made;
}

// Returns a message of a stream, which is wrapped in the member "result".
Result<object> stream_result(const object& from) {
  object result;
  if (from["result"].get(result) == simdjson::SUCCESS) return result;
  object error;
  std::string_view message;
  if (from["error"].get(error) == simdjson::SUCCESS &&
      error["message"].get(message) == simdjson::SUCCESS)
    return not_understood(message);
  return not_understood("the answer has no result");
}

}  // namespace

// --- Requests

std::string transaction_body(const storage::EtcdTransaction& transaction) {
  std::string body = R"({"compare":[)";
  const char* comma = "";
  for (const auto& condition : transaction.conditions) {
    body +=
        fmt::format(R"({}{{"target":"CREATE","result":"EQUAL","key":"{}","create_revision":"{}"}})",
                    comma, base64(condition.key), condition.revision.value());
    comma = ",";
  }
  for (const auto& condition : transaction.unchanged) {
    body += fmt::format(R"({}{{"target":"MOD","result":"EQUAL","key":"{}","mod_revision":"{}"}})",
                        comma, base64(condition.key), condition.revision.value());
    comma = ",";
  }
  body += R"(],"success":[)";
  comma = "";
  for (const auto& put : transaction.puts) {
    body += fmt::format(R"({}{{"request_put":{{"key":"{}","value":"{}","lease":"{}"}}}})", comma,
                        base64(put.key), base64(put.value), put.lease.value());
    comma = ",";
  }
  for (const auto& range : transaction.removals) {
    body += fmt::format(R"({}{{"request_delete_range":{{"key":"{}","range_end":"{}"}}}})", comma,
                        base64(range.first), base64(range.end));
    comma = ",";
  }
  return body + "]}";
}

std::string range_body(const storage::EtcdRange& range, EtcdRevision revision, int64_t limit) {
  return fmt::format(R"({{"key":"{}","range_end":"{}","revision":"{}","limit":"{}"}})",
                     base64(range.first), base64(range.end), revision.value(), limit);
}

std::string watch_body(const storage::EtcdRange& range, EtcdRevision first) {
  return fmt::format(
      R"({{"create_request":{{"key":"{}","range_end":"{}","start_revision":"{}"}}}})",
      base64(range.first), base64(range.end), first.value());
}

std::string compaction_body(EtcdRevision revision) {
  return fmt::format(R"({{"revision":"{}"}})", revision.value());
}

std::string grant_body(int64_t ttl_s) { return fmt::format(R"({{"TTL":"{}"}})", ttl_s); }

std::string keep_alive_body(storage::EtcdLease lease) {
  return fmt::format(R"({{"ID":"{}"}})", lease.value());
}

// The id has the form in which the gateway has reported it, and the URL of add_member_body() has the form in which
// it was configured. Neither needs escapes.
std::string remove_member_body(std::string_view id) { return fmt::format(R"({{"ID":"{}"}})", id); }
std::string add_member_body(std::string_view peers) {
  return fmt::format(R"({{"peerURLs":["{}"]}})", peers);
}

// --- Answers

Result<storage::EtcdOutcome> read_transaction(std::string_view body) {
  const Document document = TRY(Document::parse(body));
  return storage::EtcdOutcome{truth(document.root(), "succeeded"),
                              TRY(header_revision(document.root()))};
}

Result<EtcdPage> read_range(std::string_view body) {
  const Document document = TRY(Document::parse(body));
  EtcdPage page;
  page.found.revision = TRY(header_revision(document.root()));
  page.has_more = truth(document.root(), "more");
  simdjson::dom::array pairs;
  if (document.root()["kvs"].get(pairs) != simdjson::SUCCESS) return page;
  for (const element each : pairs) {
    object pair;
    if (each.get(pair) != simdjson::SUCCESS) return not_understood("a key is not an object");
    page.found.entries.push_back(TRY(entry(pair)));
  }
  return page;
}

Result<storage::EtcdLease> read_grant(std::string_view body) {
  const Document document = TRY(Document::parse(body));
  const storage::EtcdLease lease{number(document.root(), "ID")};
  if (lease == storage::EtcdLease{}) return not_understood("a lease has no id");
  return lease;
}

Result<storage::EtcdLease> read_keep_alive(std::string_view body) {
  const Document document = TRY(Document::parse(body));
  const object result = TRY(stream_result(document.root()));
  if (number(result, "TTL") <= 0)
    return Error{ErrorCode::OffsetOutOfRange, "the lease no longer exists"};
  return storage::EtcdLease{number(result, "ID")};
}

Result<storage::EtcdEvents> read_watched(std::string_view line) {
  const Document document = TRY(Document::parse(line));
  const object result = TRY(stream_result(document.root()));
  if (const int64_t compacted = number(result, "compact_revision"); compacted > 0)
    return Error{ErrorCode::OffsetOutOfRange,
                 fmt::format("revisions before {} are compacted", compacted)};
  if (truth(result, "canceled")) return not_understood("the watch has ended");
  storage::EtcdEvents events;
  events.revision = TRY(header_revision(result));
  simdjson::dom::array all;
  if (result["events"].get(all) != simdjson::SUCCESS) return events;
  for (const element each : all) {
    object happened;
    if (each.get(happened) != simdjson::SUCCESS) return not_understood("an event is not an object");
    events.events.push_back(TRY(event(happened)));
  }
  return events;
}

Result<std::vector<EtcdMember>> read_members(std::string_view body) {
  const Document document = TRY(Document::parse(body));
  simdjson::dom::array all;
  if (document.root()["members"].get(all) != simdjson::SUCCESS)
    return not_understood("the answer has no members");
  std::vector<EtcdMember> members;
  for (const element each : all) {
    EtcdMember& member = members.emplace_back();
    if (std::string_view id; each["ID"].get(id) == simdjson::SUCCESS) member.id = id;
    if (std::string_view name; each["name"].get(name) == simdjson::SUCCESS) member.name = name;
    simdjson::dom::array peers, clients;
    member.has_clients = each["clientURLs"].get(clients) == simdjson::SUCCESS && clients.size() > 0;
    if (member.id.empty() || each["peerURLs"].get(peers) != simdjson::SUCCESS)
      return not_understood("a member has no id or no address");
    for (const element url : peers)
      if (std::string_view text; url.get(text) == simdjson::SUCCESS)
        member.peers.emplace_back(text);
  }
  return members;
}

Result<EtcdRevision> read_compaction(std::string_view body) {
  const Document document = TRY(Document::parse(body));
  return TRY(header_revision(document.root()));
}

Error read_refusal(int status, std::string_view body) {
  constexpr int64_t kOutOfRange = 11;  // the gRPC status OUT_OF_RANGE
  constexpr size_t kShown = 80;
  const auto document = Document::parse(body);
  std::string_view message;
  if (!document || document->root()["message"].get(message) != simdjson::SUCCESS)
    return {ErrorCode::NetworkFailure,
            fmt::format("HTTP status {}: {}", status, body.substr(0, kShown))};
  return {number(document->root(), "code") == kOutOfRange ? ErrorCode::OffsetOutOfRange
                                                          : ErrorCode::NetworkFailure,
          fmt::format("HTTP status {}: {}", status, message)};
}

}  // namespace server
