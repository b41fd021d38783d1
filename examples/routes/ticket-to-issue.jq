# A Zendesk ticket as a GitHub issue, whose body tells which ticket it is.
{
  title: (.subject // "(no subject)"),
  body: "\(.description // "")\n\n(Zendesk ticket \(.id))",
  state: (if .status == "solved" or .status == "closed" then "closed" else "open" end)
}
