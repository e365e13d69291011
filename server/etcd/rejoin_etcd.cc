#include "server/etcd/rejoin_etcd.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <memory>

#include "base/log.h"
#include "server/etcd/gateway_messages.h"
#include "server/http_client/http_thread.h"

namespace server {

namespace {

constexpr int64_t kTimeoutMs = 3'000;
constexpr size_t kMostBytes = 1 << 20;

Result<std::string> ask(HttpThread& http, std::string url, std::string body) {
  struct Answer {
    std::string bytes;
    std::promise<HttpEnd> end;
  };
  const auto answer = std::make_shared<Answer>();
  HttpThread::Request request;
  request.url = std::move(url);
  request.body = std::move(body);
  request.timeout_ms = kTimeoutMs;
  request.max_answer_bytes = kMostBytes;
  request.on_bytes = [answer](std::string_view bytes) { answer->bytes += bytes; };
  request.on_end = [answer](const HttpEnd& end) { answer->end.set_value(end); };
  auto ended = answer->end.get_future();
  http.start(std::move(request));
  const HttpEnd end = ended.get();
  if (end.status == 200) return std::move(answer->bytes);
  if (end.status != 0) return read_refusal(end.status, answer->bytes);
  return Error{ErrorCode::NetworkFailure, end.error};
}

Status succeeded(const Result<std::string>& answer) {
  return answer ? Status() : Status(answer.error());
}

// Returns the member with this peer URL, or the end if no member has it.
auto member_at(const std::vector<EtcdMember>& members, const std::string& peers) {
  return std::ranges::find_if(members, [&](const EtcdMember& each) {
    return std::ranges::find(each.peers, peers) != each.peers.end();
  });
}

Result<EtcdBegin> rejoin_by(HttpThread& http, const EtcdPlace& other,
                            const EtcdNewcomer& newcomer) {
  const std::string& client = other.clients;
  const std::string listed = TRY(ask(http, client + "/v3/cluster/member/list", "{}"));
  const std::vector<EtcdMember> members = TRY(read_members(listed));
  if (member_at(members, other.peers) == members.end())
    return Error{ErrorCode::NetworkFailure,
                 fmt::format("{} belongs to another etcd cluster", client)};
  auto ours = member_at(members, newcomer.peers);
  if (ours != members.end() && ours->name.empty()) return EtcdBegin::AsExisting;
  if (ours != members.end() && !ours->has_clients) return EtcdBegin::AsNew;
  if (!newcomer.may_come) return EtcdBegin::NotYet;
  // If no member of the cluster has the newcomer's URL, the newcomer may have had another URL. So its member is
  // searched by name.
  if (ours == members.end()) ours = std::ranges::find(members, newcomer.name, &EtcdMember::name);
  Status changed;
  if (ours != members.end()) {
    log_warn("the data of etcd are missing here, a new member replaces the old one name={} id={}",
             ours->name, ours->id);
    changed =
        succeeded(ask(http, client + "/v3/cluster/member/remove", remove_member_body(ours->id)));
  }
  if (changed)
    changed =
        succeeded(ask(http, client + "/v3/cluster/member/add", add_member_body(newcomer.peers)));
  if (!changed)
    log_info("etcd does not accept a new member yet error=\"{}\"", changed.error().message);
  return changed ? EtcdBegin::AsExisting : EtcdBegin::NotYet;
}

}  // namespace

Result<EtcdBegin> rejoin_etcd(const std::vector<EtcdPlace>& others, const EtcdNewcomer& newcomer) {
  HttpThread http;
  Result<EtcdBegin> last = Error{ErrorCode::NetworkFailure, "no other member exists"};
  for (const EtcdPlace& other : others) {
    last = rejoin_by(http, other, newcomer);
    if (last) break;
  }
  return last;
}

}  // namespace server
