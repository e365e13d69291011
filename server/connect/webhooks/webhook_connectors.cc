#include "server/connect/webhooks/webhook_connectors.h"

#include "engine/connect/http/webhook_properties.h"
#include "engine/connect/transforms/transform_chain.h"
#include "server/connect/topic_batches.h"
#include "server/connect/webhooks/webhook_reader.h"

namespace server {

std::vector<engine::PropertyRow> WebhookConnectors::rows(const engine::ConnectorClass&) const {
  return engine::webhook_rows();
}

std::vector<engine::WrongProperty> WebhookConnectors::check(
    const engine::ConnectorClass& of, const engine::PropertyValues& values) const {
  auto wrong = engine::read_webhook(values).wrong;
  const auto transforms =
      engine::read_transforms(values.config(), forms(of, values), of.type).chain;
  if (!values.text("columns").empty() && transforms != nullptr && transforms->routes_by_time())
    wrong.push_back({"columns",
                     "property \"columns\" declares a stream over one topic, and "
                     "TimestampRouter makes several"});
  return wrong;
}

engine::RecordForms WebhookConnectors::forms(const engine::ConnectorClass&,
                                             const engine::PropertyValues& values) const {
  const bool is_text = engine::read_webhook(values).source.format == engine::WebhookFormat::Text;
  return {engine::DataForm::Text, is_text ? engine::DataForm::Text : engine::DataForm::Json};
}

std::string_view WebhookConnectors::guarantee(const engine::ConnectorClass&) const {
  return "at least once: a request is answered after its records are durable, and senders repeat "
         "requests without an answer";
}

std::vector<std::string> WebhookConnectors::topics_of(const engine::ConnectorClass& of,
                                                      const engine::PropertyValues& values) const {
  const std::string topic = values.text("topic");
  const auto transforms =
      engine::read_transforms(values.config(), forms(of, values), of.type).chain;
  return transforms == nullptr ? std::vector{topic} : transforms->topics_of(topic);
}

Result<SourcePlan> WebhookConnectors::plan_source(const engine::ConnectorClass& of,
                                                  const engine::PropertyValues& values,
                                                  const ConnectorOwner& /*owner*/) const {
  engine::WebhookSource source = engine::read_webhook(values).source;
  SourcePlan plan;
  plan.topics = {source.topic};
  if (source.columns.empty()) return plan;
  plan.stream = {topics_of(of, values).front(), "JSON", source.columns,
                 std::move(source.given_columns)};
  return plan;
}

Result<std::unique_ptr<SourceReader>> WebhookConnectors::open_source(
    const engine::ConnectorClass& of, const engine::PropertyValues& values, engine::RowColumns,
    const ConnectorOwner& owner) const {
  auto read = engine::read_webhook(values);
  if (!read.wrong.empty()) return Error{ErrorCode::InvalidParameter, read.wrong.front().message};
  auto most_bytes = [this, names = topics_of(of, values)] {
    return most_record_bytes(*find_topics_(), names);
  };
  return std::unique_ptr<SourceReader>(std::make_unique<WebhookReader>(
      webhooks_, std::move(read.source), owner.connector, std::move(most_bytes), memory_, clock_));
}

}  // namespace server
