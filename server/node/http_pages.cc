#include "server/node/http_pages.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <string>
#include <string_view>

#include "server/metadata/rights.h"

namespace server {

std::vector<http::QueryPlace> query_places(const MetadataImage& image) {
  std::vector<http::QueryPlace> places;
  for (const auto& [id, defined] : image.queries()) {
    if (defined->query->kind == engine::QueryKind::SourceTable) continue;
    http::QueryPlace& place = places.emplace_back();
    place.query_id = id;
    if (defined->plan->materialization)
      place.stores.emplace_back("Aggregate-Aggregate-Materialize");
    for (const std::string& name : defined->query->sources) {
      const engine::DataSource* source = image.catalog->find_source(name);
      const storage::TopicInfo* topic = source ? image.topics->find(source->topic) : nullptr;
      if (!topic) continue;
      for (int32_t i = 0; i < topic->partition_count; ++i)
        place.partitions.push_back({topic->name, i});
    }
  }
  return places;
}

http::ConsoleRights console_rights(const MetadataImage& image, const std::string& user) {
  const storage::Users& users = *image.users;
  const auto found = users.roles.find(user);
  if (found == users.roles.end()) return {};
  constexpr storage::Rights kAll = storage::kMaySelect | storage::kMayInsert | storage::kMayCreate;
  const std::set<std::string> roles = storage::roles_of(users, user);
  http::ConsoleRights rights{.is_superuser = found->second.is_superuser, .has_all = true};
  for (const std::string_view kind : storage::kAllOfAKind) {
    const storage::Rights on_kind = storage::rights_on(users, roles, std::string(kind));
    rights.has_all = rights.has_all && (on_kind & kAll) == kAll;
    if (kind == storage::kEverything) rights.may_create = (on_kind & storage::kMayCreate) != 0;
  }
  rights.has_all = rights.has_all || rights.is_superuser;
  rights.may_create = rights.may_create || rights.is_superuser;
  rights.may_connect = check_create_connector(users, user).has_value();
  return rights;
}

void add_clock_page(http::Routes& routes, MovableClock& clock) {
  routes.add({"POST", "/test-clock", http::answer_with([&clock](const http::Request& request) {
                constexpr int64_t kMostMs = int64_t{1000} * 86'400'000;
                const std::string text =
                    http::query_value(request.query, "advance_ms").value_or("");
                int64_t by_ms = -1;
                const auto [end, error] =
                    std::from_chars(text.data(), text.data() + text.size(), by_ms);
                if (error != std::errc{} || end != text.data() + text.size() || by_ms < 0 ||
                    by_ms > kMostMs)
                  return http::error_response(http::error_code::kBadRequest,
                                              "advance_ms is not a number of milliseconds");
                clock.advance_us(by_ms * 1000);
                return http::json_response("{\"wall_ms\":" + std::to_string(clock.wall_ms()) + "}");
              })});
}

}  // namespace server
