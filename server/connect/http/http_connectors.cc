#include "server/connect/http/http_connectors.h"

#include "engine/connect/http/http_sink_properties.h"
#include "server/connect/http/http_writer.h"

namespace server {

std::vector<engine::PropertyRow> HttpConnectors::rows(const engine::ConnectorClass& of) const {
  return engine::http_sink_rows(of);
}

std::vector<engine::WrongProperty> HttpConnectors::check(
    const engine::ConnectorClass& of, const engine::PropertyValues& values) const {
  return engine::read_http_sink(of, values).wrong;
}

engine::RecordForms HttpConnectors::forms(const engine::ConnectorClass& of,
                                          const engine::PropertyValues& values) const {
  engine::RecordForms forms = engine::read_http_sink(of, values).sink.forms;
  // The class with the short name ("http") sends the bytes of the value unchanged. Its transforms
  // read and write the value as JSON.
  if (of.is_short() && values.text("value.converter").empty()) forms.value = engine::DataForm::Json;
  return forms;
}

std::string_view HttpConnectors::guarantee(const engine::ConnectorClass&) const {
  return "at least once, in the order of each partition";
}

Result<SourcePlan> HttpConnectors::plan_source(const engine::ConnectorClass& of,
                                               const engine::PropertyValues&,
                                               const ConnectorOwner&) const {
  return engine::class_is_not_built_in(of.name, false);
}

Result<std::unique_ptr<SourceReader>> HttpConnectors::open_source(const engine::ConnectorClass& of,
                                                                  const engine::PropertyValues&,
                                                                  engine::RowColumns,
                                                                  const ConnectorOwner&) const {
  return engine::class_is_not_built_in(of.name, false);
}

SinkPlan HttpConnectors::plan_sink(const engine::ConnectorClass& of,
                                   const engine::PropertyValues& values) const {
  engine::HttpSink sink = engine::read_http_sink(of, values).sink;
  SinkPlan plan;
  plan.topics = std::move(sink.topics);
  plan.batches = {sink.batch_records};
  return plan;
}

Status HttpConnectors::check_sink(const engine::ConnectorClass&, const engine::PropertyValues&,
                                  const ConnectorOwner&) const {
  return {};
}

Result<std::unique_ptr<BatchWriter>> HttpConnectors::open_batches(
    const engine::ConnectorClass& of, const engine::PropertyValues& values,
    const ConnectorOwner& owner) const {
  auto read = engine::read_http_sink(of, values);
  if (!read.wrong.empty()) return Error{ErrorCode::InvalidParameter, read.wrong.front().message};
  return std::unique_ptr<BatchWriter>(std::make_unique<HttpWriter>(
      std::move(read.sink), owner.connector, owner.may_reach_private_addresses));
}

}  // namespace server
