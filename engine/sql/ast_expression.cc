#include "engine/sql/ast_expression.h"

#include <algorithm>
#include <utility>

#include "engine/sql/same_query.h"

namespace engine {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;  // Clang before 17 does not deduce it by itself

using Slots = std::vector<ExpressionPtr*>;

void add(Slots& slots, ExpressionList& list) {
  for (ExpressionPtr& expression : list) slots.push_back(&expression);
}

ExpressionPtr clone(const ExpressionPtr& expression) {
  return expression ? engine::clone(*expression) : nullptr;
}

std::vector<OrderItem> clone(const std::vector<OrderItem>& items) {
  std::vector<OrderItem> copy;
  for (const OrderItem& each : items)
    copy.push_back({clone(each.expression), each.descending, each.nulls});
  return copy;
}

OverWindow clone(const OverWindow& over) {
  const auto bound = [](const FrameBound& from) {
    return FrameBound{from.edge, clone(from.offset)};
  };
  const WindowFrame& frame = over.frame;
  return {engine::clone(over.partition_by),
          clone(over.order_by),
          {frame.unit, bound(frame.start), bound(frame.end), frame.exclusion},
          over.has_frame};
}

void add(Slots& slots, std::vector<OrderItem>& items) {
  for (OrderItem& each : items) slots.push_back(&each.expression);
}

void add(Slots& slots, FunctionCall& call) {
  add(slots, call.arguments);
  add(slots, call.order_by);
  if (call.filter) slots.push_back(&call.filter);
  if (!call.over) return;
  add(slots, call.over->partition_by);
  add(slots, call.over->order_by);
  for (FrameBound* bound : {&call.over->frame.start, &call.over->frame.end})
    if (bound->offset) slots.push_back(&bound->offset);
}

bool same_order(const std::vector<OrderItem>& left, const std::vector<OrderItem>& right) {
  return std::ranges::equal(left, right, [](const OrderItem& a, const OrderItem& b) {
    return a.descending == b.descending && a.nulls == b.nulls;
  });
}

// The following functions compare everything except the children.
bool same_window(const OverWindow* left, const OverWindow* right) {
  if (!left || !right) return left == right;
  const WindowFrame &a = left->frame, &b = right->frame;
  return left->partition_by.size() == right->partition_by.size() &&
         same_order(left->order_by, right->order_by) && a.unit == b.unit &&
         a.start.edge == b.start.edge && a.end.edge == b.end.edge && a.exclusion == b.exclusion;
}

Expression::Node clone_node(const Expression::Node& node) {
  using Node = Expression::Node;
  return std::visit(Overloaded{
                        [](const auto& leaf) -> Node { return leaf; },
                        [](const Dereference& n) -> Node {
                          return Dereference{clone(n.base), n.field};
                        },
                        [](const Subscript& n) -> Node {
                          return Subscript{clone(n.base), clone(n.index)};
                        },
                        [](const FunctionCall& n) -> Node {
                          FunctionCall copy{n.name, engine::clone(n.arguments), n.star, n.distinct};
                          copy.is_operator = n.is_operator;
                          copy.order_by = clone(n.order_by);
                          copy.within_group = n.within_group;
                          copy.filter = clone(n.filter);
                          if (n.over) copy.over = std::make_unique<OverWindow>(clone(*n.over));
                          return copy;
                        },
                        [](const Lambda& n) -> Node {
                          return Lambda{n.parameters, clone(n.body)};
                        },
                        [](const Arithmetic& n) -> Node {
                          return Arithmetic{n.op, clone(n.left), clone(n.right)};
                        },
                        [](const Signed& n) -> Node {
                          return Signed{n.op, clone(n.operand)};
                        },
                        [](const Comparison& n) -> Node {
                          return Comparison{n.op, clone(n.left), clone(n.right)};
                        },
                        [](const Logical& n) -> Node {
                          return Logical{n.op, clone(n.left), clone(n.right)};
                        },
                        [](const Not& n) -> Node { return Not{clone(n.operand)}; },
                        [](const Between& n) -> Node {
                          return Between{clone(n.value), clone(n.lower), clone(n.upper), n.negated};
                        },
                        [](const In& n) -> Node {
                          return In{clone(n.value), engine::clone(n.list), n.negated};
                        },
                        [](const Like& n) -> Node {
                          return Like{clone(n.value), clone(n.pattern), n.escape, n.negated};
                        },
                        [](const IsNull& n) -> Node {
                          return IsNull{clone(n.operand), n.negated};
                        },
                        [](const Case& n) -> Node {
                          Case copy{clone(n.operand), {}, clone(n.otherwise)};
                          for (const CaseBranch& branch : n.branches)
                            copy.branches.push_back({clone(branch.when), clone(branch.then)});
                          return copy;
                        },
                        [](const Cast& n) -> Node {
                          return Cast{clone(n.operand), n.type};
                        },
                        [](const AtTimeZone& n) -> Node {
                          return AtTimeZone{clone(n.value), clone(n.zone)};
                        },
                        [](const ArrayConstructor& n) -> Node {
                          return ArrayConstructor{engine::clone(n.elements)};
                        },
                        [](const MapConstructor& n) -> Node {
                          MapConstructor copy;
                          for (const MapEntry& entry : n.entries)
                            copy.entries.push_back({clone(entry.key), clone(entry.value)});
                          return copy;
                        },
                        [](const StructConstructor& n) -> Node {
                          StructConstructor copy;
                          for (const StructField& field : n.fields)
                            copy.fields.push_back({field.name, clone(field.value)});
                          return copy;
                        },
                        [](const Subquery& n) -> Node {
                          return Subquery{n.kind, clone(n.value), n.query, n.negated, n.op};
                        },
                    },
                    node);
}

// Returns whether two nodes of the same form agree in everything except their children.
bool same_head(const Expression::Node& left, const Expression::Node& right) {
  return std::visit(
      Overloaded{
          [](const auto&) { return true; },
          [&](const BooleanLiteral& n) { return n.value == std::get<BooleanLiteral>(right).value; },
          [&](const IntegerLiteral& n) { return n.value == std::get<IntegerLiteral>(right).value; },
          [&](const BigintLiteral& n) { return n.value == std::get<BigintLiteral>(right).value; },
          [&](const DoubleLiteral& n) { return n.value == std::get<DoubleLiteral>(right).value; },
          [&](const DecimalLiteral& n) { return n.text == std::get<DecimalLiteral>(right).text; },
          [&](const StringLiteral& n) { return n.value == std::get<StringLiteral>(right).value; },
          [&](const ColumnRef& n) {
            const auto& other = std::get<ColumnRef>(right);
            return n.source == other.source && n.name == other.name;
          },
          [&](const Parameter& n) { return n.index == std::get<Parameter>(right).index; },
          [&](const IntervalUnit& n) { return n.unit == std::get<IntervalUnit>(right).unit; },
          [&](const Dereference& n) { return n.field == std::get<Dereference>(right).field; },
          [&](const FunctionCall& n) {
            const auto& other = std::get<FunctionCall>(right);
            return n.name == other.name && n.star == other.star && n.distinct == other.distinct &&
                   n.arguments.size() == other.arguments.size() &&
                   n.within_group == other.within_group && !n.filter == !other.filter &&
                   same_order(n.order_by, other.order_by) &&
                   same_window(n.over.get(), other.over.get());
          },
          [&](const Lambda& n) { return n.parameters == std::get<Lambda>(right).parameters; },
          [&](const Arithmetic& n) { return n.op == std::get<Arithmetic>(right).op; },
          [&](const Signed& n) { return n.op == std::get<Signed>(right).op; },
          [&](const Comparison& n) { return n.op == std::get<Comparison>(right).op; },
          [&](const Logical& n) { return n.op == std::get<Logical>(right).op; },
          [&](const Between& n) { return n.negated == std::get<Between>(right).negated; },
          [&](const In& n) { return n.negated == std::get<In>(right).negated; },
          [&](const Like& n) {
            const auto& other = std::get<Like>(right);
            return n.negated == other.negated && n.escape == other.escape;
          },
          [&](const IsNull& n) { return n.negated == std::get<IsNull>(right).negated; },
          [&](const Case& n) {  // which optional children are present
            const auto& other = std::get<Case>(right);
            return !n.operand == !other.operand && !n.otherwise == !other.otherwise;
          },
          [&](const Cast& n) {
            return n.type.to_string() == std::get<Cast>(right).type.to_string();
          },
          [&](const StructConstructor& n) {
            return std::ranges::equal(n.fields, std::get<StructConstructor>(right).fields, {},
                                      &StructField::name, &StructField::name);
          },
          [&](const Subquery& n) {
            const auto& other = std::get<Subquery>(right);
            const bool is_same_query = n.query == other.query || equals(*n.query, *other.query);
            return is_same_query && n.kind == other.kind && n.negated == other.negated &&
                   n.op == other.op;
          },
      },
      left);
}

}  // namespace

std::vector<ExpressionPtr*> children(Expression& expression) {
  Slots slots;
  std::visit(Overloaded{
                 [](auto&) {},  // literals and names have no children
                 [&](Dereference& n) { slots = {&n.base}; },
                 [&](Subscript& n) {
                   slots = {&n.base, &n.index};
                 },
                 [&](FunctionCall& n) { add(slots, n); },
                 [&](Lambda& n) { slots = {&n.body}; },
                 [&](Arithmetic& n) {
                   slots = {&n.left, &n.right};
                 },
                 [&](Signed& n) { slots = {&n.operand}; },
                 [&](Comparison& n) {
                   slots = {&n.left, &n.right};
                 },
                 [&](Logical& n) {
                   slots = {&n.left, &n.right};
                 },
                 [&](Not& n) { slots = {&n.operand}; },
                 [&](Between& n) {
                   slots = {&n.value, &n.lower, &n.upper};
                 },
                 [&](In& n) {
                   slots = {&n.value};
                   add(slots, n.list);
                 },
                 [&](Like& n) {
                   slots = {&n.value, &n.pattern};
                 },
                 [&](IsNull& n) { slots = {&n.operand}; },
                 [&](Case& n) {
                   if (n.operand) slots.push_back(&n.operand);
                   for (CaseBranch& branch : n.branches)
                     slots.insert(slots.end(), {&branch.when, &branch.then});
                   if (n.otherwise) slots.push_back(&n.otherwise);
                 },
                 [&](Cast& n) { slots = {&n.operand}; },
                 [&](AtTimeZone& n) {
                   slots = {&n.value, &n.zone};
                 },
                 [&](ArrayConstructor& n) { add(slots, n.elements); },
                 [&](MapConstructor& n) {
                   for (MapEntry& entry : n.entries)
                     slots.insert(slots.end(), {&entry.key, &entry.value});
                 },
                 [&](StructConstructor& n) {
                   for (StructField& field : n.fields) slots.push_back(&field.value);
                 },
                 [&](Subquery& n) {
                   if (n.value) slots.push_back(&n.value);
                 },
             },
             expression.node);
  return slots;
}

std::vector<const Expression*> children(const Expression& expression) {
  // The const_cast is safe, because the slots are only read here. It avoids a second function that
  // lists the children of all forms.
  const Slots slots = children(const_cast<Expression&>(expression));
  std::vector<const Expression*> result;
  for (const ExpressionPtr* slot : slots) result.push_back(slot->get());
  return result;
}

Expression::Expression(Node node_in, TextPosition position_in)
    : node(std::move(node_in)), position(position_in) {}
Expression::Expression(Expression&& other) noexcept = default;
Expression& Expression::operator=(Expression&& other) noexcept = default;
Expression::~Expression() = default;

ExpressionPtr clone(const Expression& expression) {
  return std::make_unique<Expression>(Expression{clone_node(expression.node), expression.position});
}

ExpressionList clone(const ExpressionList& list) {
  ExpressionList copy;
  copy.reserve(list.size());
  for (const ExpressionPtr& expression : list) copy.push_back(clone(*expression));
  return copy;
}

bool equals(const Expression& left, const Expression& right) {
  if (left.node.index() != right.node.index() || !same_head(left.node, right.node)) return false;
  return std::ranges::equal(children(left), children(right),
                            [](const auto* a, const auto* b) { return equals(*a, *b); });
}

}  // namespace engine
