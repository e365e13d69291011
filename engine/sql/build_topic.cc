#include <algorithm>
#include <optional>

#include "engine/sql/build.h"

namespace engine {
namespace {

using Built = Result<Statement>;

Built build_alter_topic(P::AlterTopicContext& context) {
  AlterTopic alter{
      TRY(build_topic_name(*context.topicName())), position_of(*context.topicName()), {}};
  PropertyList properties;
  for (P::PropertyContext* property : context.property()) {
    TRY(add_property(*property, properties));
    const Property& added = properties.back();
    alter.changes.push_back({added.written_name, added.text(), added.position});
  }
  for (P::PropertyNameContext* name : context.propertyName())
    alter.changes.push_back({TRY(build_property_name(*name)), std::nullopt, position_of(*name)});
  return alter;
}

Result<int64_t> build_whole_number(P::NumberContext& context) {
  if (!context.INTEGER_VALUE())
    return statement_error(*context.start, "An offset is a whole number.");
  return build_integer(*context.INTEGER_VALUE()->getSymbol(), context.MINUS() != nullptr);
}

// Returns whether the name is this word, which is not a keyword.
bool is_word(P::IdentifierContext& context, std::string_view word) {
  const Name name = build_name(context);
  return name.quoting == Quoting::None && name.text == word;
}

Status build_target(P::ResetTargetContext& context, ResetOffsets& reset) {
  using Target = ResetOffsets::Target;
  reset.target_position = position_of(context);
  if (context.OFFSET()) {
    reset.target = Target::Offset;
    reset.number = TRY(build_whole_number(*context.number()));
    if (reset.number < 0)
      return statement_error(*context.number()->start,
                             "An offset is 0 or more. SHIFT BY -100 reads 100 records again.");
  } else if (context.TIMESTAMP()) {
    reset.target = Target::Timestamp;
    reset.time = TRY(build_string(*context.string()));
  } else if (context.GROUP()) {
    reset.target = Target::Group;
    reset.other = TRY(build_topic_name(*context.other));
  } else if (context.shift) {
    if (!is_word(*context.shift, "SHIFT"))
      return statement_error(*context.shift->start, "Only SHIFT BY takes a number of records.");
    reset.target = Target::Shift;
    reset.number = TRY(build_whole_number(*context.number()));
  } else if (is_word(*context.place, "EARLIEST")) {
    reset.target = Target::Earliest;
  } else if (is_word(*context.place, "LATEST")) {
    reset.target = Target::Latest;
  } else {
    return statement_error(
        *context.place->start,
        "Offsets are reset TO EARLIEST, TO LATEST, TO TIMESTAMP '...', TO OFFSET "
        "n, TO GROUP name or SHIFT BY n.");
  }
  return {};
}

Built build_reset_offsets(P::ResetOffsetsContext& context) {
  ResetOffsets reset{TRY(build_topic_name(*context.group)), position_of(*context.group)};
  for (P::ResetTopicContext* each : context.resetTopic()) {
    ResetOffsets::Topic& topic = reset.topics.emplace_back(ResetOffsets::Topic{
        TRY(build_topic_name(*each->topicName())), position_of(*each->topicName())});
    for (antlr4::tree::TerminalNode* number : each->INTEGER_VALUE()) {
      const int64_t partition = TRY(build_integer(*number->getSymbol()));
      if (std::ranges::find(topic.partitions, partition) == topic.partitions.end())
        topic.partitions.push_back(partition);
    }
  }
  TRY(build_target(*context.resetTarget(), reset));
  if (context.dry) {
    if (!is_word(*context.dry, "DRY"))
      return statement_error(*context.dry->start, "Only DRY RUN may end the statement.");
    reset.is_dry_run = true;
  }
  return reset;
}

}  // namespace

Result<Name> build_topic_name(P::TopicNameContext& context) {
  if (context.identifier()) return build_name(*context.identifier());
  return Name{TRY(build_string(*context.string())), Quoting::Back};
}

Built build_topic(antlr4::ParserRuleContext& context) {
  if (context.getRuleIndex() == P::RuleAlterTopic)
    return build_alter_topic(static_cast<P::AlterTopicContext&>(context));
  return build_reset_offsets(dynamic_cast<P::ResetOffsetsContext&>(context));
}

}  // namespace engine
