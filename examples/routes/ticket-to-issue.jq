# A Zendesk ticket as a GitHub issue. Closed tickets that were never an issue do not become one:
# to leave records out, give nothing for them, as in:  if … then empty else … end
{
  title: (.subject // "(no subject)"),
  body: .description,
  state: (if .status == "solved" or .status == "closed" then "closed" else "open" end)
}
