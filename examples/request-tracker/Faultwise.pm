# Settings of Faultwise. Copy to RT_SiteConfig.d (Debian: /etc/request-tracker5/RT_SiteConfig.d/80-faultwise.pm) and start RT anew.
Set($FaultwiseURL, 'http://127.0.0.1:8000');          # where RT's server reaches Faultwise
Set($FaultwisePanelURL, 'http://localhost:8000');     # where people's browsers do; another host name than RT's own
Set($FaultwiseSecret, 'SECRET');                      # FAULTWISE_INTEGRATIONS__RT__SECRET
Set($FaultwisePanelSecret, 'PANEL_SECRET');           # FAULTWISE_PANEL_SECRET
1;
