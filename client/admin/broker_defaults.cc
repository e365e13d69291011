#include "client/admin/broker_defaults.h"

#include <algorithm>

#include "client/admin/bootstrap.h"

namespace client {

namespace {

constexpr int16_t kDescribeConfigs = 32, kDescribeConfigsVersion = 4;
constexpr int16_t kIncrementalAlterConfigs = 44, kIncrementalAlterConfigsVersion = 1;
constexpr int8_t kBroker = 4;              // ConfigResource.Type
constexpr int8_t kSet = 0, kDelete = 1;    // AlterConfigOp.OpType
constexpr int8_t kFromBrokerDefaults = 3;  // ConfigEntry.ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG

// Reads the code and the message of one resource.
Status read_error(WireReader& in) {
  const auto code = in.number<int16_t>();
  const std::string message = in.text();
  if (code == 0) return {};
  return kafka_failure(static_cast<rd_kafka_resp_err_t>(code),
                       message.empty() ? nullptr : message.c_str());
}

ConfigSetting read_setting(WireReader& in) {
  constexpr std::string_view kOrigin = "DYNAMIC_DEFAULT_BROKER_CONFIG";
  ConfigSetting setting;
  setting.held.source = kOrigin;
  setting.held.name = in.text();
  setting.held.value = in.text();
  in.number<int8_t>();  // skips whether the setting is read-only
  setting.is_own = in.number<int8_t>() == kFromBrokerDefaults;
  setting.is_sensitive = in.number<int8_t>() != 0;
  for (size_t left = in.count(); left > 0 && in.ok(); --left) {
    const std::string name = in.text(), value = in.text();
    if (in.number<int8_t>() == kFromBrokerDefaults)
      setting.synonyms.push_back({std::string(kOrigin), name, value});
    in.end();
  }
  in.number<int8_t>();  // skips the type
  in.text();            // skips the documentation
  in.end();
  return setting;
}

}  // namespace

Result<std::vector<ConfigSetting>> describe_broker_defaults(const Connection::Settings& server) {
  WireConnection connection = TRY(Bootstrap(server.bootstrap_server, server.properties).connect());
  WireWriter request;
  request.count(1).number(kBroker).text("").count(-1).end();
  request.number<int8_t>(1).number<int8_t>(0).end();  // with synonyms, without documentation
  WireReader in(TRY(connection.ask(kDescribeConfigs, kDescribeConfigsVersion, request)));
  in.number<int32_t>();  // skips the throttle time
  if (in.count() != 1) return cut_short();
  TRY(read_error(in));
  in.number<int8_t>();
  in.text();
  std::vector<ConfigSetting> settings;
  for (size_t left = in.count(); left > 0 && in.ok(); --left) {
    ConfigSetting setting = read_setting(in);
    if (setting.is_own) settings.push_back(std::move(setting));
  }
  in.end();
  in.end();
  if (!in.is_whole()) return cut_short();
  std::ranges::sort(settings, {}, [](const ConfigSetting& setting) { return setting.held.name; });
  return settings;
}

Status alter_broker_defaults(const Connection::Settings& server, const Properties& added,
                             const std::vector<std::string>& removed) {
  WireConnection connection = TRY(Bootstrap(server.bootstrap_server, server.properties).connect());
  WireWriter request;
  request.count(1).number(kBroker).text("");
  request.count(static_cast<int64_t>(added.size() + removed.size()));
  for (const auto& [name, value] : added) request.text(name).number(kSet).text(value).end();
  for (const std::string& name : removed) request.text(name).number(kDelete).null_text().end();
  request.end().number<int8_t>(0).end();  // 0: the changes are applied, not only validated
  WireReader in(
      TRY(connection.ask(kIncrementalAlterConfigs, kIncrementalAlterConfigsVersion, request)));
  in.number<int32_t>();  // skips the throttle time
  if (in.count() != 1) return cut_short();
  return read_error(in);
}

}  // namespace client
