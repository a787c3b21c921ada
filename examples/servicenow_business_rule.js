// A business rule on `incident`: async, on insert. It needs a REST message `Faultwise` with a method `diagnose`
// (POST https://faultwise.example.com/v1/integrations/servicenow, header X-API-Key, body ${body}); see docs/integrations/servicenow.md.
(function executeRule(current) {
  var row = {
    sys_id: current.getUniqueValue(),
    number: current.getValue('number'),
    opened_at: current.getValue('opened_at'),
    short_description: current.getValue('short_description'),
    description: current.getValue('description'),
    caller_id: current.getDisplayValue('caller_id'),
    cmdb_ci: current.getDisplayValue('cmdb_ci'),
    category: current.getValue('category'),
    assignment_group: current.getDisplayValue('assignment_group')
  };
  var message = new sn_ws.RESTMessageV2('Faultwise', 'diagnose');
  message.setRequestBody(JSON.stringify(row));
  message.executeAsync();
})(current);
