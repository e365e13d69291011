#include "engine/functions/registry.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <tuple>

#include "engine/functions/families.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

std::string to_upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return upper;
}

bool match_lambda(const TypePattern& pattern, const ArgumentType& argument) {
  return pattern.kind == PatternKind::Lambda &&
         argument.lambda_parameters + 1 == static_cast<int>(pattern.parts.size());
}

bool match_argument(Bindings& bindings, const TypePattern& pattern, const ArgumentType& argument,
                    bool widen) {
  if (argument.lambda_parameters >= 0) return match_lambda(pattern, argument);
  if (argument.is_unit) return pattern.kind == PatternKind::Unit;
  return bindings.match(pattern, argument.type, widen);
}

// Returns the bindings if the overload accepts these arguments.
std::optional<Bindings> match(const Overload& overload, std::span<const ArgumentType> arguments,
                              bool widen) {
  Bindings bindings;
  const Signature& signature = overload.signature;
  if (arguments.empty() && !signature.parameters.empty() &&
      !(signature.parameters.size() == 1 && signature.variadic() == 0))
    return std::nullopt;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const SignatureParameter* parameter = signature.parameter_for(i, arguments.size());
    if (parameter == nullptr || !match_argument(bindings, parameter->pattern, arguments[i], widen))
      return std::nullopt;
  }
  return bindings;
}

// Returns the rank of a signature among the overloads that accept the arguments, as in ksqlDB. The
// overload with the lowest rank is chosen.
std::tuple<bool, int, int, int> rank(const Signature& signature) {
  const auto generics = std::ranges::count_if(
      signature.parameters, [](const auto& parameter) { return parameter.pattern.has_generic(); });
  return {signature.variadic() >= 0, -static_cast<int>(signature.parameters.size()),
          static_cast<int>(generics), -signature.variadic()};
}

std::string list_types(std::span<const ArgumentType> arguments) {
  std::string text;
  for (const ArgumentType& argument : arguments)
    text += (text.empty() ? "" : ", ") + argument.to_string();
  return text;
}

// Returns the name that calls use. The name of a function with PostgreSQL's meaning has a schema as
// a prefix, which calls omit.
std::string called(const Overload& overload) {
  const std::string_view name = overload.name();
  return std::string(name.substr(name.find('.') + 1));
}

// Returns whether an overload takes a TIMESTAMP where the call has a BIGINT, such as ROWTIME.
bool wants_timestamp(const Registry::Entry& entry, std::span<const ArgumentType> arguments) {
  for (const Overload& overload : entry.overloads)
    for (size_t i = 0; i < arguments.size(); ++i) {
      const SignatureParameter* parameter = overload.signature.parameter_for(i, arguments.size());
      const bool is_timestamp = parameter && parameter->pattern.kind == PatternKind::Exact &&
                                parameter->pattern.type.kind() == TypeKind::Timestamp;
      if (is_timestamp && arguments[i].type.kind() == TypeKind::Bigint) return true;
    }
  return false;
}

Error no_such_overload(const Registry::Entry& entry, std::span<const ArgumentType> arguments) {
  const std::string name = called(entry.overloads.front());
  std::string message = "Function '" + name + "' does not accept parameters (" +
                        list_types(arguments) + ").\nValid alternatives are:";
  for (const Overload& overload : entry.overloads)
    message += "\n" + name + "(" + overload.signature.parameters_to_string() + ")";
  Error error{ErrorCode::UndefinedFunction, std::move(message)};
  if (wants_timestamp(entry, arguments)) {
    const bool is_truncation = equals_ignoring_case(name, "DATE_TRUNC");
    return std::move(error).with_hint(
        std::string("FROM_UNIXTIME(rowtime) returns the TIMESTAMP of milliseconds.") +
        (is_truncation ? " A continuous query groups by time with a window: ... FROM s WINDOW "
                         "TUMBLING (SIZE 1 MINUTE) GROUP BY k."
                       : ""));
  }
  return std::move(error).with_hint(
      "DESCRIBE FUNCTION " + name +
      " shows the parameters with examples. CAST converts an argument: CAST(a AS VARCHAR).");
}

Resolution finish(const Overload& overload, Bindings bindings,
                  std::span<const ArgumentType> arguments) {
  Resolution resolution{&overload, {}, std::move(bindings)};
  for (size_t i = 0; i < arguments.size(); ++i) {
    const TypePattern& pattern = overload.signature.parameter_for(i, arguments.size())->pattern;
    resolution.argument_types.push_back(resolution.bindings.substitute(pattern));
  }
  return resolution;
}

bool is_complete(const SqlType& type) {
  switch (type.kind()) {
    case TypeKind::Null:
      return false;
    case TypeKind::Array:
      return is_complete(type.element());
    case TypeKind::Map:
      return is_complete(type.key()) && is_complete(type.value());
    default:
      return true;
  }
}

}  // namespace

std::string ArgumentType::to_string() const {
  if (lambda_parameters >= 0) return "LAMBDA";
  if (is_unit) return "INTERVALUNIT";
  return type.is_null() ? "null" : type.to_string();
}

const Registry& Registry::instance() {
  static const Registry registry(all_families());
  return registry;
}

Registry::Registry(std::span<const FunctionFamily* const> families) {
  const auto add = [&](Overload overload, CallKind kind) {
    const std::string name = to_upper(overload.name());
    const auto at = std::ranges::lower_bound(entries_, name, {}, &Entry::name);
    if (at != entries_.end() && at->name == name) {
      assert(at->kind == kind);
      at->overloads.push_back(std::move(overload));
    } else {
      entries_.insert(at, Entry{name, kind, {std::move(overload)}});
    }
  };
  for (const FunctionFamily* family : families) {
    for (const FunctionDef& function : family->functions)
      add({&function, nullptr, family, parse_signature(function.signature)},
          function.kind == FunctionKind::Table ? CallKind::Table : CallKind::Scalar);
    for (const AggregateDef& aggregate : family->aggregates)
      add({nullptr, &aggregate, family, parse_signature(aggregate.signature)}, CallKind::Aggregate);
  }
}

const Registry::Entry* Registry::entry(std::string_view name) const {
  const std::string upper = to_upper(name);
  const auto at = std::ranges::lower_bound(entries_, upper, {}, &Entry::name);
  return at != entries_.end() && at->name == upper ? &*at : nullptr;
}

std::span<const Overload> Registry::find(std::string_view name) const {
  const Entry* found = entry(name);
  if (found == nullptr) return {};
  return found->overloads;
}

bool Registry::is_aggregate(std::string_view name) const {
  const Entry* found = entry(name);
  return found != nullptr && found->kind == CallKind::Aggregate;
}

bool Registry::is_table_function(std::string_view name) const {
  const Entry* found = entry(name);
  return found != nullptr && found->kind == CallKind::Table;
}

Result<Resolution> Registry::resolve(std::string_view name,
                                     std::span<const ArgumentType> arguments) const {
  const Entry* found = entry(name);
  if (found == nullptr)
    return Error{ErrorCode::UndefinedFunction,
                 "Can't find any functions with the name '" + std::string(name) + "'"};
  for (const bool widen : {false, true}) {
    const Overload* best = nullptr;
    std::optional<Bindings> best_bindings;
    bool is_tie = false;
    for (const Overload& overload : found->overloads) {
      auto bindings = match(overload, arguments, widen);
      if (!bindings) continue;
      const bool is_better = best == nullptr || rank(overload.signature) < rank(best->signature);
      if (!is_better) {
        is_tie |= rank(overload.signature) == rank(best->signature);
        continue;
      }
      best = &overload;
      best_bindings = std::move(bindings);
      is_tie = false;
    }
    if (is_tie)
      return Error{ErrorCode::UndefinedFunction,
                   "Function '" + called(*best) +
                       "' cannot be resolved due to ambiguous method parameters (" +
                       list_types(arguments) + ")."}
          .with_hint(
              "CAST(a AS TIMESTAMP) and PARSE_TIMESTAMP(a, 'yyyy-MM-dd') convert a text, and "
              "a cast chooses between types.");
    if (best != nullptr) return finish(*best, *std::move(best_bindings), arguments);
  }
  return no_such_overload(*found, arguments);
}

Result<SqlType> return_type(const Resolution& resolution) {
  const Overload& overload = *resolution.overload;
  const ReturnType returns =
      overload.function ? overload.function->returns : overload.aggregate->returns;
  if (returns != nullptr) return returns(resolution.argument_types);
  SqlType type = resolution.bindings.substitute(overload.signature.result);
  if (is_complete(type)) return type;
  return Error{ErrorCode::TypeMismatch,
               "Can't infer a type of null. Please explicitly cast it to a required type, e.g. "
               "CAST(null AS VARCHAR)."};
}

void keep_aggregate_properties(AggregateInstance& instance) {
  std::erase_if(instance.properties, [](const auto& property) {
    return property.first != kSumOverflow && !property.first.starts_with("ksql.functions.");
  });
}

Result<AggregateInstance> make_aggregate(const Resolution& resolution, ValueList initial_arguments,
                                         std::map<std::string, std::string> properties) {
  assert(resolution.overload->aggregate != nullptr);
  AggregateInstance instance;
  instance.def = resolution.overload->aggregate;
  const auto& types = resolution.argument_types;
  assert(initial_arguments.size() <= types.size());
  instance.argument_types.assign(types.begin(),
                                 types.end() - static_cast<ptrdiff_t>(initial_arguments.size()));
  instance.result_type = TRY(return_type(resolution));
  instance.initial_arguments = std::move(initial_arguments);
  instance.properties = std::move(properties);
  keep_aggregate_properties(instance);
  if (instance.def->check != nullptr) TRY(instance.def->check(instance));
  return instance;
}

int64_t AggregateInstance::number_property(const std::string& name, int64_t otherwise) const {
  const auto found = properties.find(name);
  if (found == properties.end()) return otherwise;
  const std::string& text = found->second;
  int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() ? number : otherwise;
}

}  // namespace engine
